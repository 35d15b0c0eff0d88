/** Models from the net: a server that answers as the hub does, downloads that end early, the disk, and the program. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, test } from "node:test";
import { loadModel, type Progress } from "wkv";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { diskStore } from "../../../host/source/cache/disk-store.ts";
import { PROGRAM, type Result } from "../../support/cli-program.ts";
import {
  assertFails,
  assertFetched,
  BYTES,
  bytesAsked,
  CHUNK,
  freshCache,
  get,
  hubs,
  serve,
  webAddress,
} from "../../support/fetching.ts";
import { COMMIT, type HubServer } from "../../support/hub-server.ts";

describe("a server that behaves", () => {
  test("ranges, several at once, each byte once; afterwards no request", async () => {
    const hub = await serve();
    const cacheDir = freshCache();
    await assertFetched(hub, { cacheDir });
    assert.equal(hub.requests[0]?.path, "/api/models/org/repo/revision/main");
    assert.ok(hub.requests.every(({ path }, i) => i === 0 || path === `/org/repo/resolve/${COMMIT}/model.pth`));
    assert.equal(bytesAsked(hub), BYTES.length + 1, "one byte to see that there are ranges");
    await hub.close();
    await assertFetched(hub, { cacheDir });
    await assertFetched(hub, { cacheDir, source: "hf:org/repo/model.pth" });
  });

  test("any address, and the hub's own pages", async () => {
    const hub = await serve();
    const cacheDir = freshCache();
    await assertFetched(hub, { cacheDir, source: webAddress(hub) });
    const pages = ["org/repo", "org/repo/blob/main/model.pth", "org/repo/resolve/main/model.pth?download=true"];
    for (const page of pages) await assertFetched(hub, { cacheDir, source: `${hub.endpoint}/${page}` });
    assert.equal((await (await diskStore(cacheDir)).list()).length, 2);
  });

  test("progress counts to the end, with speed and time left", async () => {
    const hub = await serve();
    hub.behaviour = { slow: 10 };
    const seen: Progress[] = [];
    await assertFetched(hub, { onProgress: (progress) => seen.push(progress) });
    const downloads = seen.filter(({ phase }) => phase === "download");
    const last = downloads.at(-1)!;
    assert.deepEqual([last.loaded, last.total, last.secondsLeft], [BYTES.length, BYTES.length, 0]);
    assert.ok(last.bytesPerSecond! > 0);
    for (const [i, { loaded }] of downloads.entries()) assert.ok(loaded >= (downloads[i - 1]?.loaded ?? 0));
    assert.deepEqual(seen.at(-1), { phase: "check", loaded: BYTES.length, total: BYTES.length });
  });

  test("redirects, without the token on another site", async () => {
    const hub = await serve();
    const cdn = await serve();
    hub.behaviour = { token: "secret", redirect: () => `${cdn.endpoint}/web/cdn/model.pth` };
    await assertFetched(hub, { hub: { endpoint: hub.endpoint, token: "secret" } });
    assert.ok(hub.requests.every(({ token }) => token === "Bearer secret"));
    assert.ok(cdn.requests.length >= 12 && cdn.requests.every(({ token }) => token === undefined));
  });

  test("a file that is one range, and an empty one, which is refused", async () => {
    const hub = await serve({ "empty.txt": new Uint8Array(0), "small.txt": BYTES.slice(0, 5) });
    const path = await get(hub, freshCache(), { source: webAddress(hub, "small.txt") });
    assert.deepEqual(readFileSync(path), Buffer.from(hub.files.get("small.txt")!));
    const empty = get(hub, freshCache(), { source: webAddress(hub, "empty.txt") });
    await assert.rejects(empty, { name: "WkvError", code: "bad-file", message: /is empty/ });
  });
});

describe("which file of a repository", () => {
  const small = BYTES.slice(0, 100);
  const fetched = async (names: string[], source?: string) => {
    const hub = await serve(Object.fromEntries(names.map((name) => [name, small])));
    const path = await get(hub, freshCache(), source ? { source } : {});
    const inside = readdirSync(dirname(path)).filter((name) => name !== "wkv.json");
    return [basename(path), ...inside.filter((name) => name !== basename(path)).sort()];
  };
  const README = ["README.md", ".gitattributes"];

  test("the only one, with the vocabulary beside it", async () => {
    assert.deepEqual(await fetched([...README, "a.pth", "vocab.txt"]), ["a.pth", "vocab.txt"]);
    assert.deepEqual(await fetched([...README, "a.gguf", "a.vocab.txt", "b.txt"]), ["a.gguf", "a.vocab.txt"]);
    assert.deepEqual(await fetched(["sub/a.pth", "vocab.txt"]), ["a.pth"]);
  });

  test("what Hugging Face's programs call a model, all its parts included", async () => {
    const parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const index = "model.safetensors.index.json";
    const names = [index, ...parts, "config.json", "tokenizer.json", "pytorch_model.bin"];
    assert.deepEqual(await fetched(names), [index, "config.json", ...parts, "tokenizer.json"]);
    assert.deepEqual(await fetched(["model.safetensors", "other.pth"]), ["model.safetensors"]);
  });

  test("of several GGUF the Q8_0, and all of a GGUF in several files", async () => {
    assert.deepEqual(await fetched(["m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-f16.gguf"]), ["m-Q8_0.gguf"]);
    const split = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"];
    assert.deepEqual(await fetched(split), split);
  });

  test("the one that is named, at a revision", async () => {
    assert.deepEqual(await fetched(["a.pth", "b.pth"], "hf:org/repo/b.pth@v1.0"), ["b.pth"]);
    assert.deepEqual(await fetched(["a.pth", "x/b.pth"], "hf://org/repo/x/b.pth@refs/pr/3"), ["b.pth"]);
    const hub = hubs.at(-1)!;
    assert.equal(hub.requests[0]!.path, "/api/models/org/repo/revision/refs/pr/3");
  });

  test("none of several, none at all, none of that name: the choice is shown", async () => {
    await assert.rejects(
      fetched(["a.pth", "b.pth"]),
      /has several models; name one, as in hf:org\/repo\/a\.pth.*b\.pth \(0\.0 MB\)/,
    );
    await assert.rejects(fetched(README), /has no model\. It has: README\.md/);
    await assert.rejects(fetched(["a.pth"], "hf:org/repo/c.pth"), /has no file c\.pth\. It has: a\.pth/);
  });

  test("addresses that are none", async () => {
    for (const source of [
      "hf:",
      "hf:org",
      "hf:org/..",
      "hf:org/repo/../../x",
      "hf:org/repo@../x",
      "hf:org/repo/a\\b",
      "hf:a b/c",
    ])
      await assert.rejects(fetched(["a.pth"], source), /is not an address on the hub: write hf:ORG\/REPO/, source);
  });

  test("a listing that leads out of the cache, or is none", async () => {
    const hub = await serve();
    const evil = [
      "../../evil.pth",
      "/etc/evil.pth",
      "a/../../evil.pth",
      "C:\\evil.pth",
      ".parts/evil.pth",
      "wkv.json/../x.pth",
    ];
    hub.behaviour = { listing: { sha: COMMIT, siblings: evil.map((rfilename) => ({ rfilename, size: 5 })) } };
    await assertFails(hub, "not-found", /has no model/);
    for (const listing of ["text", [], { sha: "../../..", siblings: [] }, { sha: COMMIT, siblings: 5 }]) {
      hub.behaviour = { listing };
      await assertFails(hub, "network", /does not respond like a hub/);
    }
  });
});

describe("a download that ends early", () => {
  for (const source of ["hf:org/repo", "web"])
    test(`goes on where it was: ${source}`, async () => {
      const hub = await serve();
      const cacheDir = freshCache();
      const controller = new AbortController();
      const options = source === "web" ? { source: webAddress(hub) } : {};
      const onProgress = ({ loaded }: Progress) => {
        if (loaded > 0.7 * BYTES.length) controller.abort(new Error("enough"));
      };
      await assert.rejects(get(hub, cacheDir, { ...options, onProgress, signal: controller.signal }), /enough/);
      const [unfinished] = await (await diskStore(cacheDir)).list();
      assert.equal(unfinished!.whole, false);
      const before = bytesAsked(hub);
      await assertFetched(hub, { cacheDir, ...options });
      assert.ok(bytesAsked(hub) - before <= 0.3 * BYTES.length + 3 * CHUNK + 1);
      assert.ok(bytesAsked(hub) - before < BYTES.length / 2 + CHUNK);
    });

  test("killed in the middle, it goes on as well; two programs at once do not disturb each other", async () => {
    const hub = await serve();
    hub.behaviour = { slow: 30 };
    const cacheDir = freshCache();
    const first = startFetch(hub, cacheDir);
    while (bytesAsked(hub) < 5 * CHUNK) await new Promise((resolve) => setTimeout(resolve, 10));
    first.kill("SIGKILL");
    await ended(first);
    hub.behaviour = {};
    const before = bytesAsked(hub);
    const started = performance.now();
    const results = await Promise.all([
      ended(startFetch(hub, cacheDir)),
      ended(startFetch(hub, cacheDir)),
      assertFetched(hub, { cacheDir }),
    ]);
    assert.deepEqual([results[0].code, results[1].code], [0, 0], results[0].stderr + results[1].stderr);
    assert.equal(results[0].stdout, results[2]);
    assert.deepEqual(readFileSync(results[2]), Buffer.from(BYTES));
    assert.ok(bytesAsked(hub) - before < 3 * BYTES.length);
    assert.ok(performance.now() - started < 20_000, "a dead owner's part is not waited for");
  });
});

describe("the disk", () => {
  test("a file that has shrunk is not taken for a whole one", async () => {
    const hub = await serve();
    const cacheDir = freshCache();
    const path = await assertFetched(hub, { cacheDir });
    writeFileSync(path, BYTES.subarray(0, 5000));
    assert.equal((await (await diskStore(cacheDir)).list())[0]!.whole, false);
    await assertFetched(hub, { cacheDir });
  });

  test("full: a limit on the size of files", {
    skip: process.platform === "win32" && "the limit is the shell's",
  }, async () => {
    const hub = await serve();
    const cacheDir = freshCache();
    const child = startFetch(hub, cacheDir, "trap '' XFSZ; ulimit -f 400; ");
    const { code, stderr } = await ended(child);
    assert.equal(code, 1);
    assert.match(stderr, /no-space: The disk or your quota is full \(EFBIG\) at .*model\.pth: free some space/);
    assert.equal(await (await diskStore(cacheDir)).find("hf:org/repo"), undefined);
    await assertFetched(hub, { cacheDir });
  });

  test("too small: said before anything is fetched", async () => {
    const hub = await serve();
    const size = 2 ** 52;
    hub.behaviour = {
      listing: { sha: COMMIT, siblings: [{ rfilename: "a.pth", size }] },
      wrongLength: size - BYTES.length,
    };
    hub.files.set("a.pth", BYTES);
    await assertFails(hub, "no-space", /MB free, but 4503599627\.4 MB are needed: free some/);
    assert.equal(bytesAsked(hub), 1);
  });
});

const FETCH = new URL("../../support/fetch-child.ts", import.meta.url).pathname;

function startFetch(hub: HubServer, cacheDir: string, before = "") {
  const script = `${before}exec "$0" --import tsx "$1" "$2" "$3"`;
  return spawn("sh", ["-c", script, process.execPath, FETCH, hub.endpoint, cacheDir]);
}

async function ended(child: ReturnType<typeof startFetch>): Promise<Result> {
  const result: Result = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (result.stdout += text));
  child.stderr.on("data", (text) => (result.stderr += text));
  return new Promise((resolve) => child.on("close", (code) => resolve({ ...result, code })));
}

describe("from the address to the text", () => {
  const MODEL = syntheticModel({ layers: 1, width: 64, headSize: 32, vocabSize: 256 });

  test("loadModel, with the vocabulary of the repository", async () => {
    const vocabulary = new TextEncoder().encode("a\nb\nc\n");
    const hub = await serve({ "tiny.safetensors": MODEL, "vocab.txt": vocabulary });
    const options = { cacheDir: freshCache(), hub: { endpoint: hub.endpoint }, threads: 1 };
    const phases = new Set<string | undefined>();
    const model = await loadModel("hf:org/repo", { ...options, onProgress: ({ phase }) => phases.add(phase) });
    assert.deepEqual(model.tokenizer.encode("cab"), [2, 0, 1]);
    await model.dispose();
    assert.deepEqual([...phases], ["download", "check", undefined]);
    const web = await loadModel(new URL(webAddress(hub, "tiny.safetensors")), options);
    assert.equal(web.tokenizer.kind, "bytes");
    await web.dispose();
  });

  test("the program: run, cache, cache rm, offline", async () => {
    const hub = await serve({ "tiny.safetensors": MODEL });
    const env = { ...process.env, XDG_CACHE_HOME: freshCache(), HF_ENDPOINT: hub.endpoint, HF_TOKEN: "secret" };
    const wkv = (...args: string[]) =>
      ended(spawn("sh", ["-c", 'exec "$0" "$@"', process.execPath, PROGRAM, ...args], { env }));
    const run = () => wkv("run", "hf:org/repo", "ab", "-n", "3", "--seed", "1");
    const first = await run();
    assert.equal(first.code, 0, first.stderr);
    assert.equal(hub.requests[0]!.token, "Bearer secret");
    await hub.close();
    assert.equal((await run()).stdout, first.stdout);
    const [kept] = JSON.parse((await wkv("cache", "--json")).stdout);
    assert.deepEqual(
      [kept.address, kept.whole, kept.bytes >= MODEL.length],
      ["hf:org/repo/tiny.safetensors", true, true],
    );
    assert.match((await wkv("cache")).stdout, /^hf:org\/repo\/tiny\.safetensors\n {2}0\.\d MB, fetched 20\d\d-/);
    assert.equal((await wkv("cache", "rm")).code, 2);
    assert.equal((await wkv("cache", "rm", "hf:org/other")).code, 1);
    assert.equal((await wkv("cache", "rm", "hf:org/repo")).code, 0);
    assert.equal((await wkv("cache")).stderr, "wkv: no downloads\n");
    assert.match((await run()).stderr, /^wkv: http.* cannot be fetched/);
  });
});
