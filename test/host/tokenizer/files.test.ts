/** Where vocabularies come from: files, addresses, the download cache, the model's folder. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { diskStore } from "../../../host/source/cache/disk-store.ts";
import { loadTokenizer } from "../../../host/tokenizer/index.ts";
import { readPinned } from "../../../host/tokenizer/named.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const folder = tempFolder("tokenizer");

const contents = Buffer.from("1 'a' 1\n2 'b' 1\n");
const pinned = { path: "deep/vocab.txt", sha256: createHash("sha256").update(contents).digest("hex") };

/** A server for one test. @returns its address with a slash at the end, and how often it was asked */
async function serve(t: TestContext, listener: RequestListener): Promise<{ baseUrl: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url!);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests };
}

const freshCache = () => mkdtemp(join(folder, "cache-"));
const advice = /Get vocab\.txt another way .* --vocab FILE/;

/** Files that the cache holds, by name, wherever they are in it. */
async function kept(cacheDir: string): Promise<string[]> {
  const entries = await readdir(cacheDir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== "wkv.json").map(({ name }) => name);
}

describe("named vocabularies", () => {
  test("are downloaded once", async (t) => {
    const { baseUrl, requests } = await serve(t, (_, response) => response.end(contents));
    const cacheDir = join(await freshCache(), "made/when/needed");
    for (let i = 0; i < 3; i++)
      assert.deepEqual(Buffer.from(await readPinned(pinned, { baseUrl, cacheDir })), contents);
    assert.equal(new Set(requests).size, 1);
    const before = requests.length;
    await readPinned(pinned, { baseUrl, cacheDir });
    assert.equal(requests.length, before);
    assert.deepEqual(await kept(cacheDir), ["vocab.txt"]);
    assert.deepEqual(
      (await (await diskStore(cacheDir)).list()).map(({ address }) => address),
      [`${baseUrl}deep/vocab.txt`],
    );
  });

  test("are fetched again when the cache is damaged", async (t) => {
    const { baseUrl, requests } = await serve(t, (_, response) => response.end(contents));
    const cacheDir = await freshCache();
    await readPinned(pinned, { baseUrl, cacheDir });
    const [model] = await (await diskStore(cacheDir)).list();
    const { path } = model!;
    const before = requests.length;
    await writeFile(join(path, "vocab.txt"), Buffer.from("1 'a' 1\n2 'c' 1\n"));
    assert.deepEqual(Buffer.from(await readPinned(pinned, { baseUrl, cacheDir })), contents);
    assert.ok(requests.length > before);
    assert.deepEqual(await readFile(join(path, "vocab.txt")), contents);
  });

  test("need no cache that can be written", async (t) => {
    const { baseUrl } = await serve(t, (_, response) => response.end(contents));
    const cacheDir = join(folder, "a file, no folder");
    await writeFile(cacheDir, "");
    assert.deepEqual(Buffer.from(await readPinned(pinned, { baseUrl, cacheDir })), contents);
  });

  test("say which file to give when there is none", async (t) => {
    const { baseUrl } = await serve(t, (_, response) => response.writeHead(404).end("no"));
    const cacheDir = await freshCache();
    await assert.rejects(readPinned(pinned, { baseUrl, cacheDir }), {
      code: "not-found",
      message: /responds with 404/,
    });
    await assert.rejects(readPinned(pinned, { baseUrl, cacheDir }), { code: "not-found", message: advice });
    assert.equal((await kept(cacheDir)).includes("vocab.txt"), false);
  });

  test("are not taken when they are something else", async (t) => {
    const { baseUrl } = await serve(t, (_, response) => response.end("<html>log in to the hotel's network</html>"));
    const cacheDir = await freshCache();
    await assert.rejects(readPinned(pinned, { baseUrl, cacheDir }), { code: "network", message: /SHA-256/ });
    await assert.rejects(readPinned(pinned, { baseUrl, cacheDir }), { code: "network", message: advice });
    assert.equal((await kept(cacheDir)).includes("vocab.txt"), false);
  });

  test("are not taken when they are cut off", async (t) => {
    const { baseUrl } = await serve(t, (request, response) => {
      response.writeHead(200, { "content-length": contents.length });
      response.write(contents.subarray(0, 5), () => request.socket.destroy());
    });
    const cacheDir = await freshCache();
    await assert.rejects(readPinned(pinned, { baseUrl, cacheDir }), { code: "network", message: advice });
    assert.equal((await kept(cacheDir)).includes("vocab.txt"), false);
  });

  test("cannot be had from a server that is not there", async () => {
    const options = { baseUrl: "http://127.0.0.1:1/", cacheDir: await freshCache() };
    await assert.rejects(readPinned(pinned, options), { code: "network", message: advice });
    await assert.rejects(loadTokenizer("world", options), { message: /Get rwkv_vocab_v20230424\.txt .* --vocab/ });
    await assert.rejects(loadTokenizer("pile", options), { message: /Get 20B_tokenizer\.json .* --vocab/ });
  });

  test("can be aborted", async (t) => {
    const controller = new AbortController();
    const { baseUrl } = await serve(t, () => controller.abort(new Error("enough")));
    const options = { baseUrl, cacheDir: await freshCache(), signal: controller.signal };
    await assert.rejects(loadTokenizer("world", options), { message: "enough" });
    await assert.rejects(loadTokenizer("bytes", options), { message: "enough" });
  });

  test("are kept in the user's cache directory", async (t) => {
    const before = process.env.XDG_CACHE_HOME;
    t.after(() => {
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
    });
    process.env.XDG_CACHE_HOME = await freshCache();
    const { baseUrl } = await serve(t, (_, response) => response.end(contents));
    await readPinned(pinned, { baseUrl });
    assert.deepEqual(await kept(join(process.env.XDG_CACHE_HOME, "wkv", "models")), ["vocab.txt"]);
  });
});

describe("files and addresses", () => {
  test("path, file address and http address", async (t) => {
    const { baseUrl } = await serve(t, (_, response) => response.end(contents));
    const path = join(folder, "some vocab.txt");
    await writeFile(path, contents);
    for (const source of [path, pathToFileURL(path), pathToFileURL(path).href, `${baseUrl}v`, new URL(baseUrl)])
      assert.deepEqual((await loadTokenizer(source)).encode("ab"), [1, 2]);
  });

  test("what is not there is not found", async (t) => {
    const { baseUrl } = await serve(t, (_, response) => response.writeHead(500).end());
    await assert.rejects(loadTokenizer(join(folder, "none.txt")), { code: "not-found", message: /"world", "pile"/ });
    await assert.rejects(loadTokenizer(folder), { code: "not-found", message: /is a directory/ });
    await assert.rejects(loadTokenizer(`${baseUrl}x`), { code: "network", message: /\/x responds with 500/ });
  });

  test("messages name the file", async () => {
    const path = join(folder, "broken.txt");
    await writeFile(path, "1 'a' 2\n");
    await assert.rejects(loadTokenizer(path), { code: "bad-vocab", message: /broken\.txt, line 1: / });
  });
});
