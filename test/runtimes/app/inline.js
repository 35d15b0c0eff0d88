// What a server's code may look like before a bundler makes one file of it; it runs where wkv is not installed.
import { readFile } from "node:fs/promises";
import { loadModel } from "wkv/inline";

async function main() {
  const model = await loadModel(await readFile(process.env.MODEL), { threads: 2 });
  let text = "";
  const prompt = "User: The key is in the well. Rosa is a miller.\nWhere is the key?\n\nAssistant:";
  for await (const piece of model.createSession().generate(prompt, { temperature: 0, stop: ["\n\n"] })) text += piece.text;
  const { threads } = model.info;
  await model.dispose();
  console.log(JSON.stringify({ text, threads }));
}
main();
