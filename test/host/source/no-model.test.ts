/** The cache keeps only models: a wrong answer leaves nothing, and a damaged record is as good as none. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openModelFile } from "../../../host/checkpoint/open.ts";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { diskStore } from "../../../host/source/cache/disk-store.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const MODEL = syntheticModel({ layers: 1, width: 64, headSize: 64, vocabSize: 128 });
const folder = tempFolder("no-model");

let answer: (response: ServerResponse) => void;
let requests = 0;
let endpoint = "";
const server = createServer((_, response) => {
  requests++;
  answer(response);
});
before(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const body =
  (content: string | Uint8Array, status = 200) =>
  (response: ServerResponse) => {
    response.writeHead(status, { "content-length": Buffer.byteLength(content) }).end(content);
  };
const withoutLength = (content: Uint8Array) => (response: ServerResponse) => {
  response.writeHead(200);
  response.write(content, () => response.end());
};
const sound = body(MODEL);

async function open(cacheDir: string): Promise<number> {
  const download = { tries: 2, patience: 1 };
  const file = await openModelFile(`${endpoint}/m.safetensors`, { cacheDir, download });
  await file.close();
  return file.size;
}

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory, { recursive: true }) as string[];
  return names.filter((name) => statSync(join(directory, name)).isFile());
}

describe("what is no model is refused and not kept; the next try has the model", () => {
  const wrong: [what: string, answer: (response: ServerResponse) => void][] = [
    ["a login page", body("<!doctype html><html>log in to the hotel's network</html>")],
    ["nothing", body("")],
    ["JSON of an error", body('{"error":"busy"}')],
    ["a Git LFS pointer", body("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n")],
    ["zeros", body(new Uint8Array(5000))],
    ["204", (response) => response.writeHead(204).end()],
    ["205", (response) => response.writeHead(205).end()],
    ["304", (response) => response.writeHead(304).end()],
    ["416", (response) => response.writeHead(416).end("no such range")],
    ["206 that nobody asked for", body(MODEL.subarray(0, 1), 206)],
    ["a body that is cut off, without a length", withoutLength(MODEL.subarray(0, MODEL.length / 2))],
    ["a body that is cut off in the header", withoutLength(MODEL.subarray(0, 100))],
    ["a model with something after it", body(Buffer.concat([MODEL, Buffer.from("tail")]))],
    ["a GGUF header that is cut off", withoutLength(Buffer.from("GGUF\u0003\0\0\0\u0001\0"))],
    ["a .safetensors without tensors", body(Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("{}")]))],
    ["an index of no files", body('{"weight_map":{}}')],
    ["an archive of something else", body("PK\u0003\u0004 and nothing of torch.save".padEnd(500))],
  ];
  for (const [what, give] of wrong)
    test(what, async () => {
      const cacheDir = mkdtempSync(join(folder, "cache-"));
      answer = give;
      await assert.rejects(open(cacheDir), (error: Error & { code?: string }) => {
        assert.ok(
          ["bad-file", "unknown-format", "unsupported-model", "network", "not-found"].includes(error.code ?? ""),
          String(error),
        );
        assert.match(error.message, /127\.0\.0\.1:\d+\/m\.safetensors/);
        return true;
      });
      assert.deepEqual(filesIn(cacheDir), []);
      answer = sound;
      assert.equal(await open(cacheDir), MODEL.length);
    });
});

describe("a damaged record is ignored with a warning, and its model downloaded again", () => {
  const records: [what: string, change: (record: Record<string, unknown>) => unknown][] = [
    ["no JSON", () => undefined],
    ["null", () => null],
    ["a list", () => []],
    ["a number", () => 7],
    ["no files", ({ files: _, ...rest }) => rest],
    ["no asked", ({ asked: _, ...rest }) => rest],
    ["files that are numbers", (record) => ({ ...record, files: [1, 2] })],
    ["files that are null", (record) => ({ ...record, files: [null] })],
    ["a path that leads out", (record) => ({ ...record, main: "../x", files: [{ path: "../x", size: 1 }] })],
    ["a main file that is none of the files", (record) => ({ ...record, main: "other" })],
    ["a size that is text", (record) => ({ ...record, files: [{ path: "m.safetensors", size: "1" }] })],
    ["an address that is a list", (record) => ({ ...record, address: ["x"] })],
  ];
  for (const [what, change] of records)
    test(what, async (t) => {
      const cacheDir = mkdtempSync(join(folder, "cache-"));
      answer = sound;
      await open(cacheDir);
      const store = await diskStore(cacheDir);
      const [entry] = await store.list();
      const path = join(entry!.path, "wkv.json");
      const changed = change(JSON.parse(readFileSync(path, "utf8")));
      writeFileSync(path, changed === undefined ? '{"address":' : JSON.stringify(changed));
      const warnings: string[] = [];
      t.mock.method(console, "warn", (text: string) => warnings.push(text));
      assert.equal((await store.list())[0]!.whole, false);
      requests = 0;
      assert.equal(await open(cacheDir), MODEL.length);
      assert.ok(requests > 0);
      assert.match(warnings[0] ?? "", /wkv\.json is damaged: the model will be downloaded again/);
      requests = 0;
      await open(cacheDir);
      assert.equal(requests, 0);
    });
});
