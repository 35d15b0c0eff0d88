/** Programs without a file: what is given on the command line loads models as a file does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../support/missing.ts";
import { makeConsumer } from "./consumer.ts";
import { output } from "./place.ts";
import { bun, deno, HOW_TO_GET, nodes } from "./runtimes.ts";

const { folder } = makeConsumer();

const PROGRAM = `
  import { loadModel } from "wkv";
  const model = await loadModel("node_modules/wkv/models/box/box.gguf", { threads: 2 });
  const logits = await model.createSession().feed([1, 2, 3]);
  console.log(model.info.threads, logits.length);
  await model.dispose();
`;
const NODE = ["--input-type=module", "--max-old-space-size=500", "-e"];
const CASES = [
  ...[...nodes].map(([major, program]) => [`node -e, Node ${major}`, program, NODE] as const),
  ["deno eval", deno, ["eval"]],
  ["bun -e", bun, ["-e"]],
] as const;

for (const [name, program, flags] of CASES)
  test(name, { skip: missing(program, HOW_TO_GET) }, async () => {
    assert.equal(await output(program as string, [...flags, PROGRAM], folder), "2 2048\n");
  });
