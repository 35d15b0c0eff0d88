/** Two `wkv serve` behind nginx with their states in Redis: one is killed, and conversations continue with the same bits. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { loadModel, type Model } from "wkv";
import { createServer, type Server } from "wkv/server";
import { get, type Json, post, reply } from "../support/ask-server.ts";
import { runProgram } from "../support/cli-program.ts";
import { listening, missingProgram, startRedis } from "../support/redis-program.ts";
import { freePort, type ServeProgram, startServe } from "../support/serve-program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FAIRY = join(ROOT, "test/models/fairy/fairy.safetensors");
const CHAT = "/v1/chat/completions";
const skip = missingProgram("redis-server", "--version", "redis-server") || missingProgram("nginx", "-v", "nginx");

let folder = "";
let redis: Awaited<ReturnType<typeof startRedis>>;
let replicas: ServeProgram[] = [];
let nginx: ReturnType<typeof spawn>;
let front = "";
/** One machine, for comparison. */
let model: Model;
let single: Server;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "wkv-replicas-"));
  redis = await startRedis(folder);
  const args = [FAIRY, "--store", redis.url, "--threads", "1", "--metrics"];
  replicas = await Promise.all([startServe(args, folder), startServe(args, folder)]);
  const port = await freePort();
  writeFileSync(join(folder, "nginx.conf"), configuration(port));
  nginx = spawn("nginx", ["-p", folder, "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"]);
  await listening(port);
  front = `http://127.0.0.1:${port}`;
  model = await loadModel(FAIRY, { threads: 1 });
  single = createServer(model);
});
after(async () => {
  if (skip) return;
  await model.dispose();
  nginx.kill("SIGTERM");
  for (const { child } of replicas) {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  }
  await redis.stop();
  rmSync(folder, { recursive: true });
});

/** The published file with this test's addresses. */
function configuration(port: number): string {
  const hosts = replicas.map(({ base }) => new URL(base).host);
  return readFileSync(join(ROOT, "deploy/nginx.conf"), "utf8")
    .replace(/replica(\d):8080/g, (_, nth: string) => hosts[Number(nth) - 1]!)
    .replace("listen 8080", `listen 127.0.0.1:${port}`)
    .replace("http {", "pid nginx.pid;\nhttp {\n  access_log off;");
}

const turn = (content: string, more = {}) => ({
  messages: [{ role: "user", content }],
  seed: 7,
  max_tokens: 24,
  logprobs: true,
  state: "fox",
  ...more,
});

/** The request to all replicas, which is repeated while the killed one's lock lasts. */
async function throughFront(body: object): Promise<Json> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const { status, body: answer } = await reply({ fetch }, at(front, post(CHAT, body)));
    if (status === 200) return answer;
    assert.equal(status, 409, JSON.stringify(answer));
    await pause(250);
  }
  assert.fail("the state stays locked");
}

function at(base: string, request: Request): Request {
  return new Request(base + new URL(request.url).pathname, request);
}

async function onOneMachine(body: object): Promise<Json> {
  const { status, body: answer } = await reply(single, post(CHAT, body));
  assert.equal(status, 200);
  return answer;
}

async function running({ base }: ServeProgram): Promise<boolean> {
  const text = await (await fetch(base.replace("/v1", "/metrics"))).text();
  return /^wkv_running [1-9]/m.test(text);
}

/** Reads a part of a long answer, kills the replica that makes it, and sees the stream break. */
async function killInMidAnswer(body: object): Promise<void> {
  const response = await fetch(at(front, post(CHAT, { ...body, stream: true })));
  const reader = response.body!.getReader();
  await reader.read();
  const busy = await Promise.all(replicas.map(running));
  const victim = replicas[busy.indexOf(true)]!;
  victim.child.kill("SIGKILL");
  const received = async () => {
    for (let text = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return assert.ok(!text.includes("[DONE]"), "the answer was over already");
      text += new TextDecoder().decode(value);
    }
  };
  await received().catch((error) => assert.match(String(error), /terminated|aborted|reset|closed/i));
}

test("a replica is killed in mid-answer, and the conversation continues with the same bits", { skip }, async () => {
  const [first, second, third] = ["Tell me of a fox.", "And then?", "Why?"].map((each) => turn(each));
  const long = turn("And after that?", { max_tokens: 2000, ignore_eos: true });
  const choices = async (answers: Promise<Json>[]) => (await Promise.all(answers)).map(({ choices: [each] }) => each);

  for (const body of [first!, second!]) {
    const [here, there] = await choices([onOneMachine(body), throughFront(body)]);
    assert.deepEqual(there, here);
  }
  await killInMidAnswer(long);
  const [here, there] = await choices([onOneMachine(third!), throughFront(third!)]);
  assert.deepEqual(there, here);

  const content = async (server: Pick<Server, "fetch">, base: string) =>
    new Uint8Array(await (await server.fetch(at(base, get("/v1/states/fox/content")))).arrayBuffer());
  const bytes = await content({ fetch }, front);
  assert.ok(bytes.length > 10_000);
  assert.deepEqual(bytes, await content(single, "http://localhost"));
});

test("names are listed, and a state can be deleted, whichever replica is asked", { skip }, async () => {
  const { body } = await reply({ fetch }, at(front, get("/v1/states")));
  assert.deepEqual(
    body.data.map(({ id }: Json) => id),
    ["fox"],
  );
  assert.equal((await reply({ fetch }, at(front, get("/v1/states/fox", {}, "DELETE")))).status, 200);
  assert.equal((await reply({ fetch }, at(front, get("/v1/states/fox")))).status, 404);
});

test("a Redis server that is not there is said at the start", { skip }, async () => {
  const address = `redis://127.0.0.1:${await freePort()}`;
  const { code, stderr } = await runProgram(["serve", FAIRY, "--store", address, "--port", "0"], folder);
  assert.equal(code, 2);
  assert.match(stderr, /Redis cannot be reached: connect ECONNREFUSED/);
});
