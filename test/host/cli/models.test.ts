/** Models by name: pull, list, show, use, rm, against a hub on this machine. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { CATALOGUE } from "../../../host/cli/catalogue.ts";
import { fittingWeights, needsOf } from "../../../host/cli/needs.ts";
import { progressLines } from "../../../host/cli/progress.ts";
import { parseAddress } from "../../../host/source/net/address.ts";
import { outcome, type Result, startProgram } from "../../support/cli-program.ts";
import { type HubServer, startHub } from "../../support/hub-server.ts";
import { FAIRY } from "../../support/models.ts";
import { Terminal } from "../../support/terminal.ts";

const model = readFileSync(new URL("../../../models/box/box.gguf", import.meta.url));
/** As sizes are shown. */
const MEGABYTES = (model.length / 1e6).toFixed(1);
let hub: HubServer;
let home: string;

before(async () => {
  hub = await startHub({});
});
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "wkv-models-"));
  hub.files.clear();
});
after(() => hub.close());

function environment(): Record<string, string> {
  return { HF_ENDPOINT: hub.endpoint, XDG_CACHE_HOME: join(home, "cache"), XDG_CONFIG_HOME: join(home, "config") };
}

async function wkv(args: string[], env: Record<string, string> = {}): Promise<Result> {
  const child = startProgram(args, home, { ...environment(), ...env });
  child.stdin.end();
  return outcome(child);
}

test("the catalogue: addresses that can be read, shapes that are known, nothing verified that was not fetched", () => {
  for (const each of CATALOGUE) {
    assert.equal(parseAddress(each.source, "https://huggingface.co").kind, "hub");
    assert.equal(each.verified, false);
    const needs = needsOf(each);
    assert.ok(needs.download > 1e8 && needs.memory.int8.fits, each.name);
    assert.equal(fittingWeights(needs, needs.memory.int8.total), "int8");
    assert.equal(fittingWeights(needs, needs.memory.int8.total - 1), "int4");
    assert.equal(fittingWeights(needs, needs.memory.int4.total - 1), undefined);
  }
  assert.equal(new Set(CATALOGUE.map(({ name }) => name)).size, CATALOGUE.length);
});

test("pull, list, show, use, run and rm of a published model", async (t) => {
  t.after(() => rm(home, { recursive: true }));
  const name = "rwkv7-g1-0.1b";
  hub.files.set("model.safetensors", model);
  const pulled = await wkv(["pull", name]);
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.ok(pulled.stdout.startsWith(join(home, "cache")), pulled.stdout);
  const listed = JSON.parse((await wkv(["list", "--json"])).stdout);
  const states = Object.fromEntries(listed.map((each: { name: string; state: string }) => [each.name, each.state]));
  assert.deepEqual(states, {
    ...Object.fromEntries(CATALOGUE.map((each) => [each.name, "published"])),
    ...{ box: "bundled", [name]: "downloaded" },
  });
  const shown = (await wkv(["show", name])).stdout;
  assert.match(shown, /download +done/);
  assert.match(shown, /verified +not yet/);
  assert.match(shown, /model +RWKV-7/);

  assert.equal((await wkv(["use", name])).code, 0);
  assert.equal((await wkv(["use"])).stdout, `${name}\n`);
  const table = (await wkv(["list"])).stdout;
  assert.match(table, /^ {2}\* {2}rwkv7-g1-0.1b/m);
  assert.match(table, /^ +box +bundled +5\.\d MB +\d+\.\d MB +yes +questions/m);
  const asked = hub.requests.length;
  const run = ["run", "User: hi\n\nAssistant:", "-n", "4", "--temperature", "0", "-q"];
  const byDefault = await wkv(run);
  assert.equal(byDefault.code, 0, byDefault.stderr);
  assert.equal(byDefault.stdout, (await wkv(run, { WKV_MODEL: "box" })).stdout);
  assert.notEqual(byDefault.stdout, (await wkv(run, { WKV_MODEL: FAIRY })).stdout);
  assert.equal(hub.requests.length, asked, "it is there, so nothing is asked");
  await wkv(["use", "--reset"]);
  assert.match((await wkv(["use"])).stdout, /^box, which/);

  assert.equal((await wkv(["rm", name])).code, 0);
  assert.match((await wkv(["rm", name])).stderr, /is not cached/);
  assert.equal((await wkv(["cache", "--json"])).stdout, "[]\n");
});

test("what is no model is refused with what there is", async (t) => {
  t.after(() => rm(home, { recursive: true }));
  for (const args of [
    ["pull", "llama"],
    ["show", "llama"],
    ["use", "llama"],
  ]) {
    const { code, stderr } = await wkv(args);
    assert.equal(code, 2);
    assert.match(stderr, /rwkv7-g1-0.1b/);
  }
  assert.match((await wkv(["rm", "box"])).stderr, /comes with wkv/);
});

test("hf:ORG/REPO:Q8_0 takes the file of that quantisation; others are told what there is", async (t) => {
  t.after(() => rm(home, { recursive: true }));
  for (const kind of ["Q4_0", "Q8_0", "q4_k_m"]) hub.files.set(`model-${kind}.gguf`, model);
  const pulled = await wkv(["pull", "hf:org/repo:q8_0"]);
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.match(pulled.stdout, /model-Q8_0\.gguf\n$/);
  const before = hub.requests.length;
  assert.equal((await wkv(["pull", "hf:org/repo:Q8_0"])).stdout, pulled.stdout);
  assert.equal(hub.requests.length, before);
  assert.match((await wkv(["pull", "hf:org/repo:Q4_K_M"])).stdout, /model-q4_k_m\.gguf\n$/);
  const none = await wkv(["pull", "hf:org/repo:Q6_K"]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /has no GGUF file of Q6_K\. It has: .*model-Q4_0\.gguf/);
  const wrong = await wkv(["pull", "hf:org/repo/model.gguf"]);
  assert.match(wrong.stderr, /has no file model\.gguf\. It has: .*model-Q8_0\.gguf/);
  assert.ok(wrong.stderr.includes(`model-Q8_0.gguf (${MEGABYTES} MB)`), wrong.stderr);
});

test("a terminal shows a bar with speed and time left", async (t) => {
  t.after(() => rm(home, { recursive: true }));
  hub.files.set("model.safetensors", model);
  hub.behaviour = { slow: 20 };
  t.after(() => {
    hub.behaviour = {};
  });
  const terminal = new Terminal(["pull", "hf:org/repo"], { cwd: home, env: environment() });
  t.after(() => terminal.end());
  assert.equal(await terminal.exit(), 0);
  assert.match(terminal.written, /downloading \[█+░+\] +\d+ %, [\d.]+ MB of [\d.]+ MB, [\d.]+ MB\/s, \d+ s left/);
  assert.ok(terminal.written.includes(` of ${MEGABYTES} MB`), terminal.written);
  assert.doesNotMatch((await terminal.lines()).join("\n"), /downloading/);
});

test("lines of progress fit the terminal", () => {
  for (const columns of [30, 40, 60, 80, 120]) {
    const line = progressLines("loading", columns)({ loaded: 500e6, total: 1000e6 });
    assert.ok(line.length < columns, `${columns}: ${line}`);
    assert.match(line, columns >= 60 ? /^loading \[█+░+\] +50 %, 500/ : /^loading (\[█+░+\])? +50 %/);
  }
  assert.equal(
    progressLines("loading")({ phase: "download", loaded: 5e6, total: Infinity }),
    "downloading 5.0 MB, 0.0 MB/s",
  );
});
