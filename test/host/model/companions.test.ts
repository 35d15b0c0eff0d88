/** What belongs to a model is the same from a folder, from hf: and from the cache: model, vocabulary, template, config. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { loadModel } from "wkv";
import { syntheticModel } from "../../../host/cli/synthetic.ts";

import { templateIn } from "../../../host/model/template.ts";
import { openSource } from "../../../host/source/open.ts";
import { startHub } from "../../support/hub-server.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { watchThreads } from "../../support/threads.ts";

watchThreads();

const folder = tempFolder("companions");

const MODEL = syntheticModel({ layers: 1, width: 64, headSize: 64, vocabSize: 128 });
const text = (content: string | object) =>
  new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
const symbols = (letter: string) => text(Array.from({ length: 128 }, (_, i) => `${letter}${i}`).join("\n"));

function write(files: Record<string, Uint8Array>): string {
  const path = mkdtempSync(join(folder, "model-"));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(path, name), bytes);
  return path;
}

/** The facts of a model by each way to it: a folder, hf: downloaded, hf: out of the cache. */
async function everyWay(files: Record<string, Uint8Array>) {
  const hub = await startHub(files);
  const cacheDir = mkdtempSync(join(folder, "cache-"));
  const options = { cacheDir, hub: { endpoint: hub.endpoint }, threads: 1 };
  const facts = [];
  try {
    for (const source of [write(files), "hf:org/repo", "hf:org/repo"]) {
      await using model = await loadModel(source, options);
      facts.push({ vocabulary: model.tokenizer.decode([5]), ...model.info });
    }
  } finally {
    await hub.close();
  }
  return facts;
}

describe("a folder and hf: give the same model, vocabulary and template", () => {
  const repositories: [name: string, files: Record<string, Uint8Array>, vocabulary: string, template?: string][] = [
    [
      "everything there is",
      {
        "model.safetensors": MODEL,
        "other.safetensors": MODEL.subarray(0, 100),
        "training_args.bin": text("no model"),
        "vocab.txt": symbols("b"),
        "tokenizer.json": text({ nothing: true }),
        "chat_template.jinja": text("one"),
        "tokenizer_config.json": text({ chat_template: "two" }),
      },
      "b5",
      "one",
    ],
    ["its own vocabulary first", { "m.st": MODEL, "m.vocab.txt": symbols("a"), "vocab.txt": symbols("b") }, "a5"],
    [
      "a tokenizer_config.json of 3 MB with named templates",
      {
        "model.safetensors": MODEL,
        "vocab.txt": symbols("c"),
        "tokenizer_config.json": text({
          chat_template: [
            { name: "tool_use", template: "no" },
            { name: "default", template: "three" },
          ],
          added_tokens_decoder: "x".repeat(3e6),
        }),
      },
      "c5",
      "three",
    ],
    [
      "chat_template.json",
      { "model.safetensors": MODEL, "vocab.txt": symbols("d"), "chat_template.json": text({ chat_template: "four" }) },
      "d5",
      "four",
    ],
  ];
  for (const [name, files, vocabulary, template] of repositories)
    test(name, async () => {
      for (const facts of await everyWay(files)) {
        assert.equal(facts.vocabulary, vocabulary);
        assert.equal(facts.chatTemplate, template);
      }
    });
});

test("what is not there is not found, and bytes have nothing beside them", async () => {
  const file = await openSource(write({ "model.safetensors": MODEL }));
  await assert.rejects(file.beside!("vocab.txt"), { code: "not-found" });
  await file.close();
  assert.equal((await openSource(MODEL)).beside, undefined);
});

describe("templates in JSON", () => {
  const cases: [json: string, template: string | undefined][] = [
    [JSON.stringify({ chat_template: "a" }), "a"],
    [JSON.stringify({ chat_template: [{ name: "rag", template: "r" }] }), "r"],
    [JSON.stringify({ chat_template: { default: "d", tool_use: "t" } }), "d"],
    [JSON.stringify({ chat_template: [null, 1, { name: "default" }, { name: "x", template: "x" }] }), "x"],
    [
      JSON.stringify({
        chat_template: [
          { name: "x", template: "x" },
          { name: "y", template: "y" },
        ],
      }),
      undefined,
    ],
    [JSON.stringify({ chat_template: 7 }), undefined],
    [JSON.stringify({}), undefined],
    ["null", undefined],
    ["{", undefined],
  ];
  for (const [json, template] of cases) test(json, () => assert.equal(templateIn(json), template));
});
