// npm run box:eval [-- MODEL] [--weights f32]: what of training/eval.json a model answers right, as tables in Markdown; the
// last one: questions that come after their material, arranged in each way.
import { parseArgs } from "node:util";
import { type LoadOptions, loadModel } from "wkv";
import { type Arranged, distanceOf, isRight, readItems, tables } from "./answers.ts";

const ARRANGEMENTS: Record<string, Arranged> = {
  "as it is": {},
  questionFirst: { questionFirst: true },
  readTwice: { readTwice: true },
  both: { questionFirst: true, readTwice: true },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { weights: { type: "string" } },
});
const weights = values.weights as LoadOptions["weights"];
const model = await loadModel(positionals[0] ?? "box", weights ? { weights } : {});
const items = readItems();
const right: boolean[] = [];
for (const item of items) {
  right.push(await isRight(model, item));
  if (right.length % 100 === 0) console.error(`wkv: ${right.length} of ${items.length}`);
}
for (const [name, rows] of tables(items, right)) {
  console.log(`| ${name} | right | of | |\n| --- | --- | --- | --- |`);
  for (const [row, { right, items }] of rows)
    console.log(`| ${row} | ${right} | ${items} | ${Math.round((100 * right) / items)} % |`);
  console.log("");
}

const asked = items.filter((item) => item.layout === "question-last" && distanceOf(item));
console.log(
  `| tokens from the fact | of | ${Object.keys(ARRANGEMENTS).join(" | ")} |\n| --- | --- | --- | --- | --- | --- |`,
);
for (const place of tables(asked, []).get("tokens from the fact")!.keys()) {
  const here = asked.filter((item) => distanceOf(item) === place);
  const counts: number[] = [];
  for (const arranged of Object.values(ARRANGEMENTS)) {
    let count = 0;
    for (const item of here) count += Number(await isRight(model, item, arranged));
    counts.push(count);
  }
  console.log(`| ${place} | ${here.length} | ${counts.join(" | ")} |`);
}
await model.dispose();
