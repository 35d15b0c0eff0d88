// node --expose-gc --import tsx test/soak/server-load.ts SECONDS CLIENTS SEED: clients that a server has to bear. Prints what they saw and what
// the server's process held after a fifth of the time and at the end.
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { loadModel } from "wkv";
import { chat } from "wkv/chat";
import { random } from "../support/random.ts";
import type { Usage } from "./memory.ts";

const [seconds, clients, seed] = process.argv.slice(2).map(Number) as [number, number, number];
const FAIRY = fileURLToPath(new URL("../models/fairy/fairy.safetensors", import.meta.url));
const SUBJECTS = ["fox", "wolf", "king", "tree", "bird", "lake", "moon", "house"];
const next = random(seed);
const seen: Record<string, number> = {};
const wrong: string[] = [];

interface Question {
  readonly body: object;
  readonly expected: string;
}

/** Requests, and what the library says to each. */
async function questions(): Promise<Question[]> {
  await using model = await loadModel(FAIRY, { threads: 1 });
  const asked = SUBJECTS.map(async (subject, seed) => {
    const messages = [{ role: "user" as const, content: `Tell me of a ${subject}.` }];
    const { message } = await chat(model, messages, { seed, maxTokens: 24 }).result();
    return { body: { messages, seed, max_tokens: 24 }, expected: String(message.content) };
  });
  return await Promise.all(asked); // before the model is disposed of
}

const known = await questions();
const child = fork(fileURLToPath(new URL("serve.ts", import.meta.url)), [FAIRY], {
  execArgv: ["--expose-gc", "--import", "tsx"],
});
const [port] = (await once(child, "message")) as [number];
const base = `http://127.0.0.1:${port}`;

function count(what: string): void {
  seen[what] = (seen[what] ?? 0) + 1;
}

function post(body: string, path = "/v1/chat/completions", headers = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(base + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
    ...(signal && { signal }),
  });
}

function check(what: string, is: unknown, expected: unknown): void {
  count(what);
  if (is !== expected) wrong.push(`${what}: ${JSON.stringify(is)} instead of ${JSON.stringify(expected)}`);
}

const question = () => known[next(known.length)]!;

async function whole(): Promise<void> {
  const { body, expected } = question();
  const response = await post(JSON.stringify(body));
  check("whole answers", (await response.json()).choices?.[0].message.content, expected);
}

async function streamed(): Promise<void> {
  const { body, expected } = question();
  const text = await (await post(JSON.stringify({ ...body, stream: true }))).text();
  check("streams", textOf(text), expected);
}

function textOf(events: string): string {
  const datas = [...events.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data!));
  return datas.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
}

async function cut(): Promise<void> {
  const controller = new AbortController();
  const body = JSON.stringify({ ...question().body, max_tokens: 64, stream: true });
  const response = await post(body, undefined, {}, controller.signal);
  const reader = response.body!.getReader();
  for (let i = next(4); i >= 0; i--) await reader.read();
  controller.abort();
  count("cut streams");
}

/** Takes a few bytes at a time, or nothing for longer than the server waits. */
async function slow(): Promise<void> {
  const body = JSON.stringify({ ...question().body, max_tokens: 64, stream: true, logprobs: true, top_logprobs: 20 });
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.write(head(body.length) + body);
  socket.pause();
  await pause(next(2) === 0 ? 200 : 2500);
  socket.destroy();
  count("slow readers");
}

/** A request that ends in the middle, or is none. */
async function broken(): Promise<void> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  const texts = [`${head(500)}{"messages":[`, "GET / HTTP/9.9\r\n\r\n", "\0\xff\r\n\r\n", head(10)];
  socket.write(texts[next(texts.length)]!);
  await pause(next(50));
  socket.destroy();
  count("broken requests");
}

const head = (length: number) =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

async function malformed(): Promise<void> {
  const bodies = [
    "{",
    "[]",
    '"x"',
    '{"messages":7}',
    `${"[".repeat(5000)}`,
    '{"messages":[{"role":"user"}]}',
    "\ufffe",
  ];
  const { status } = await post(bodies[next(bodies.length)]!);
  check("malformed bodies", status, 400);
}

async function oversized(): Promise<void> {
  const response = await post(`{"messages":"${"x".repeat(5 << 20)}"}`).catch(() => undefined); // cut off in the middle
  check("oversized bodies", response?.status ?? 413, 413);
}

async function named(): Promise<void> {
  const { body, expected } = question();
  const id = `s${next(1e9)}`;
  const answer = await (await post(JSON.stringify({ ...body, state: id }))).json();
  check("answers with a state", answer.choices?.[0].message.content, expected);
  const { status } = await fetch(`${base}/v1/states/${id}`, { method: "DELETE" });
  check("deleted states", status, 200);
}

const KINDS = [whole, whole, streamed, streamed, cut, slow, broken, malformed, oversized, named];

async function client(until: number): Promise<void> {
  await pause(next(200));
  while (performance.now() < until) await KINDS[next(KINDS.length)]!();
}

async function memory(): Promise<Usage> {
  child.send("usage");
  return ((await once(child, "message")) as [Usage])[0];
}

/** All clients for some seconds, and what the server holds afterwards, once it has at most so many files open or five seconds later. */
async function load(length: number, files = Infinity): Promise<Usage> {
  const until = performance.now() + 1000 * length;
  await Promise.all(Array.from({ length: clients }, () => client(until)));
  await pause(2500); // what was slow is given up
  let held = await memory();
  for (let i = 0; i < 10 && held.files > files; i++) {
    await pause(500); // on a busy machine connections take longer to close
    held = await memory();
  }
  return held;
}

const early = await load(seconds / 5);
const late = await load((seconds * 4) / 5, early.files);
const ended = once(child, "close");
child.send("close");
const [code] = await ended;
console.log(JSON.stringify({ seconds, clients, seen, wrong: wrong.slice(0, 5), early, late, code }));
