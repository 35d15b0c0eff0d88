/** What is in a model on the net, without fetching the model: the bytes that a local server sends are counted. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { type Inspection, inspectModel } from "../../../host/inspect/inspect.ts";
import { openBytes, readAll } from "../../support/checkpoint-checks.ts";
import { runProgram } from "../../support/cli-program.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { type Behaviour, type HubServer, startHub } from "../../support/hub-server.ts";
import { legacyPth, ownStorages, pth } from "../../support/make-checkpoints.ts";
import { writeSharded } from "../../support/make-hf.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** 17 MB. */
const MODEL = syntheticModel({ layers: 6, width: 512, headSize: 64, vocabSize: 1000 });
const VOCABULARY = new TextEncoder().encode(Array.from({ length: 1000 }, (_, i) => `s${i}`).join("\n"));

let hub: HubServer;
const folder = tempFolder("remote");
let containers: Record<string, Uint8Array>;
before(async () => {
  const tensors = await readAll(await openBytes(MODEL));
  const samples = [...tensors.values()];
  containers = {
    "model.safetensors": MODEL,
    "model.pth": pth(ownStorages(samples)),
    "old.pth": legacyPth(ownStorages(samples)),
    "model.gguf": toGguf(tensors, { architecture: "rwkv7", headSize: 64 }),
  };
  hub = await startHub({});
});
after(() => hub.close());

/** Looks into a file of a repository, with a cache of its own; how many bytes that took, and whether any are kept. */
async function look(
  files: Record<string, Uint8Array>,
  source: string,
  behaviour: Behaviour = {},
  options: { stats?: boolean; cacheDir?: string } = {},
) {
  hub.files.clear();
  for (const [name, bytes] of Object.entries(files)) hub.files.set(name, bytes);
  Object.assign(hub, { behaviour, sent: 0 });
  const cacheDir = options.cacheDir ?? (await mkdtemp(join(folder, "cache-")));
  const download = { patience: 1, tries: 3 };
  const inspection = await inspectModel(source, { ...options, cacheDir, download, hub: { endpoint: hub.endpoint } });
  const models = (await readdir(cacheDir, { recursive: true })).filter((name) => /safetensors|pth|gguf/.test(name));
  return { inspection, sent: hub.sent, isKept: models.length > 0 };
}

const facts = ({ file: _, tokenizer: __, ...rest }: Inspection) => rest;

test("every container: the facts of the file, for a small part of its bytes", async () => {
  for (const [name, bytes] of Object.entries(containers)) {
    const path = join(folder, name);
    await writeFile(path, bytes);
    const local = await inspectModel(path);
    for (const source of [`hf:org/repo/${name}`, `${hub.endpoint}/web/cdn/${name}`]) {
      const { inspection, sent, isKept } = await look({ [name]: bytes }, source);
      assert.deepEqual(facts(inspection), facts(local), source);
      assert.ok(sent < bytes.length / (name === "old.pth" ? 2 : 10), `${source}: ${sent} of ${bytes.length} bytes`);
      assert.equal(isKept, false);
    }
  }
});

test("parts and what lies beside it are found in the repository", async () => {
  const sharded = join(folder, "sharded");
  const samples = [...(await readAll(await openBytes(MODEL))).values()];
  writeSharded(sharded, samples, "safetensors");
  const names = await readdir(sharded);
  const files = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(sharded, name))] as const)),
  );
  const { inspection, sent } = await look({ ...files, "vocab.txt": VOCABULARY }, "hf:org/repo");
  assert.equal(inspection.parts?.length, 3);
  assert.equal(
    inspection.parameters,
    samples.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  );
  assert.deepEqual(inspection.tokenizer, { source: "vocab.txt", kind: "symbols", ids: 1000 });
  assert.ok(sent < MODEL.length / 10, `${sent} bytes`);
});

test("without ranges, or with --stats, it is downloaded and kept; what the cache has is not asked for", async () => {
  const files = { "model.safetensors": MODEL };
  const whole: [Behaviour, { stats?: boolean }][] = [
    [{ noRanges: true }, {}],
    [{ noVersion: true }, {}],
    [{}, { stats: true }],
  ]; // prettier-ignore
  for (const [behaviour, options] of whole) {
    const { inspection, sent, isKept } = await look(files, "hf:org/repo", behaviour, options);
    assert.equal(inspection.model?.layers, 6);
    assert.ok(sent >= MODEL.length && isKept);
  }
  const cacheDir = await mkdtemp(join(folder, "cache-"));
  await look(files, "hf:org/repo", {}, { stats: true, cacheDir });
  assert.equal((await look(files, "hf:org/repo", { status: () => 500 }, { cacheDir })).sent, 0);
});

test("a connection that breaks is taken up; a file that changes, and one that is not there, are told", async () => {
  const files = { "model.safetensors": MODEL };
  let cuts = 0;
  const cut = await look(files, "hf:org/repo", { cutAfter: () => (cuts++ === 1 ? 100 : undefined) });
  assert.equal(cut.inspection.model?.layers, 6);
  let etags = 0;
  await assert.rejects(look(files, "hf:org/repo", { etag: () => `"${etags++}"` }), {
    code: "network",
    message: /changed while it was being read/,
  });
  await assert.rejects(look(files, "hf:org/repo", { cutAfter: () => 0 }), { code: "network" });
  await assert.rejects(look(files, `${hub.endpoint}/web/cdn/other.pth`), {
    code: "not-found",
    message: /responds with 404/,
  });
  await assert.rejects(look({ "model.safetensors": MODEL.subarray(0, 1000) }, "hf:org/repo"), { code: "bad-file" });
});

test("wkv inspect ADDRESS", async () => {
  hub.files.clear();
  hub.files.set("model.safetensors", MODEL);
  Object.assign(hub, { behaviour: {}, sent: 0 });
  const { code, stdout, stderr } = await runProgram(["inspect", `${hub.endpoint}/web/cdn/model.safetensors`], folder);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /layers +6/);
  assert.ok(hub.sent < MODEL.length / 10);
});
