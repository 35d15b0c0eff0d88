/** What a model takes in memory, and the word about one that is too large. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loadModel, WkvError } from "wkv";
import { safetensorsHeader } from "../../../host/convert/packed-writer.ts";
import { PUBLISHED, withoutValues } from "../../../host/inspect/published.ts";
import { publishedMemory } from "../../../host/inspect/published-memory.ts";
import { recogniseModel } from "../../../host/models/recognise.ts";
import { runProgram } from "../../support/cli-program.ts";

test("the table of docs/memory.md is what the command prints", async () => {
  const { code, stdout } = await runProgram(["inspect", "--memory"], ".");
  assert.equal(code, 0);
  const page = readFileSync(new URL("../../../docs/memory.md", import.meta.url), "utf8");
  assert.ok(page.includes(`\n${stdout}\n`), "run: npx wkv inspect --memory, and put its table into docs/memory.md");
});

test("the shapes are those of the versions, with the parameters that the models are known by", () => {
  for (const shape of PUBLISHED) {
    const recipe = recogniseModel(withoutValues(shape), shape.name);
    assert.deepEqual([recipe.shape.version.id, recipe.shape.layers], [shape.version, shape.layers]);
  }
  const parameters = new Map(publishedMemory(4).map((model) => [model.name, model.parameters]));
  assert.equal(parameters.get("RWKV-4 169M"), 169_342_464);
  assert.equal(parameters.get("RWKV-4 430M"), 430_397_440);
});

/** A safetensors file of a published shape; it has a header, and no more than that can be read. */
function headerOnly(name: string) {
  const shape = PUBLISHED.find((published) => published.name === name)!;
  const tensors = [...withoutValues(shape).tensors.values()].map((tensor) => {
    const bytes = 2 * tensor.shape.reduce((a, b) => a * b, 1);
    return { name: tensor.name, dtype: "F16", shape: tensor.shape, bytes };
  });
  const header = safetensorsHeader(tensors, {});
  const source = {
    size: header.length + tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    read(offset: number, length: number) {
      if (offset + length > header.length) throw new Error("values were read");
      return header.subarray(offset, offset + length);
    },
  };
  return source;
}

async function refusal(name: string, weights: "int8" | "f32"): Promise<string> {
  const before = process.memoryUsage().rss;
  const error = await loadModel(headerOnly(name), { vocab: null, weights }).catch((error: unknown) => error);
  assert.ok(error instanceof WkvError, String(error));
  assert.equal(error.code, "too-large", error.message);
  assert.ok(process.memoryUsage().rss - before < 100e6);
  return error.message;
}

test("7B is refused before a value is read, with the arithmetic and what would fit", async () => {
  const message = await refusal("RWKV-7 7.2B", "int8");
  const [, all, ...parts] =
    /needs ([\d.]+) GiB \(([\d.]+) of weights as int8, ([\d.]+) for a session, ([\d.]+) for/.exec(message)!;
  assert.ok(Math.abs(Number(all) - parts.reduce((sum, part) => sum + Number(part), 0)) < 0.02, message);
  assert.match(message, /32-bit WebAssembly has 4 GiB\. It has 7\.2 billion parameters; about 3\.\d billion would fit/);
});

test("what fits as int8 is refused as f32, with that advice", async () => {
  assert.match(await refusal("RWKV-7 1.5B", "f32"), /As int8 it needs 1\.\d+ GiB: load it with weights: "int8"/);
  assert.match(await refusal("RWKV-7 7.2B", "f32"), /about 1\.\d billion would fit/);
});
