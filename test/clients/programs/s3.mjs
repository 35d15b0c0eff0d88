// Named states in an S3-compatible server: node s3.mjs. Two servers that share a bucket continue each other's conversation.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import S3rver from "s3rver";
import { createStorage } from "unstorage";
import s3 from "unstorage/drivers/s3";
import { loadModel } from "../../../build/index.js";
import { createServer } from "../../../build/server.js";

const bucket = "states";
const directory = mkdtempSync(join(tmpdir(), "wkv-s3-"));
const configureBuckets = [{ name: bucket, configs: [] }];
const store = new S3rver({ port: 0, address: "127.0.0.1", silent: true, directory, configureBuckets });
const { port } = await store.run();
const keys = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" }; // the only ones that it accepts

function storage() {
  return createStorage({ driver: s3({ bucket, endpoint: `http://127.0.0.1:${port}`, region: "us-east-1", ...keys }) });
}

const path = fileURLToPath(new URL("../../models/fairy/fairy.safetensors", import.meta.url));
const model = await loadModel(path, { threads: 1 });
const [one, other, alone] = [{ storage: storage() }, { storage: storage() }, {}].map((options) =>
  createServer(model, options),
);

function ask(server, method, route, body) {
  const init = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return server.fetch(new Request(`http://localhost/v1${route}`, { method, ...init }));
}

async function say(server, content) {
  const messages = [{ role: "user", content }];
  const body = { messages, seed: 5, max_tokens: 12, state: "fox" };
  const { choices, error } = await (await ask(server, "POST", "/chat/completions", body)).json();
  assert.equal(error, undefined);
  return choices[0].message.content;
}

const expected = [await say(alone, "Tell me of a fox."), await say(alone, "And then?")];
assert.deepEqual([await say(one, "Tell me of a fox."), await say(other, "And then?")], expected);
const { data } = await (await ask(one, "GET", "/states")).json();
assert.deepEqual([data.length, data[0].id, data[0].kind], [1, "fox", "chat"]);
assert.equal((await ask(other, "DELETE", "/states/fox")).status, 200);
assert.equal((await ask(one, "GET", "/states/fox")).status, 404);

await Promise.all([one, other, alone].map((server) => server.close()));
await model.dispose();
await store.close();
rmSync(directory, { recursive: true });
console.log("ok");
