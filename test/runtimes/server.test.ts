/** The server of examples/server in Deno, Bun, workerd and Lambda, with wkv as it is installed: all answer as in Node. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask, eventsIn, type Json, post, stream } from "../support/ask-server.ts";
import { missing } from "../support/missing.ts";
import { startServe } from "../support/serve-program.ts";
import { copyExample, makeConsumer, ROOT } from "./consumer.ts";
import { invoke } from "./lambda.ts";
import { freePort, output, retry, startGroup } from "./place.ts";
import { bun, deno, HOW_TO_GET, lambda, nodes, wrangler } from "./runtimes.ts";
import { wranglerDev } from "./workerd.ts";

const CHAT = "/v1/chat/completions";
const { folder } = makeConsumer();
for (const name of ["unstorage", "destr"])
  cpSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name), { recursive: true });
const copy = copyExample(folder, "server");
const newer = (nodes.get(24) ?? nodes.get(22)) as string;
const absent = (program: unknown) => missing(program, `not here: ${HOW_TO_GET}`);

const turn = (content: string) => ({ messages: [{ role: "user", content }], seed: 5, max_tokens: 12, state: "fox" });
const TURNS = [turn("Tell me of a fox."), turn("And then?")];
const textOf = ({ choices }: Json) => choices[0].message.content;
const joined = (chunks: Json[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");

let expected: string[];
before(async () => {
  const { child, base } = await startServe([join(ROOT, "models/box/box.gguf"), "--threads", "1"], folder);
  expected = await answers(base.replace("/v1", ""));
  child.kill("SIGKILL");
  await once(child, "close");
});
after(() => rmSync(folder, { recursive: true }));

/** A whole answer, and a stream that continues the first one's state. */
async function answers(base: string): Promise<string[]> {
  const server = { fetch: (request: Request) => fetch(base + new URL(request.url).pathname, request) };
  const first = textOf(await ask(server, CHAT, TURNS[0]));
  return [first, joined(await stream(server, CHAT, TURNS[1]!))];
}

async function checkAnswers(base: string, said: () => string): Promise<void> {
  await retry(() => fetch(`${base}/health`), said);
  const given = await answers(base).catch((error) => assert.fail(`${error}\n${said()}`));
  assert.deepEqual(given, expected);
}

const DENO_ARGS = ["run", "--allow-net", "--allow-read", "--allow-env", "--allow-sys", "deno.ts"];
for (const [name, program, args] of [
  ["Deno", deno, DENO_ARGS],
  ["Bun", bun, ["bun.ts"]],
] as const)
  test(name, { skip: absent(program) }, async () => {
    const port = await freePort();
    const group = startGroup(program as string, args, copy, { PORT: String(port) });
    try {
      await checkAnswers(`http://127.0.0.1:${port}`, group.said);
    } finally {
      await group.end();
    }
  });

test("workerd, with the states in Workers KV", { skip: absent(wrangler) }, async () => {
  const { base, group } = await wranglerDev(newer, wrangler as string, copy);
  try {
    await checkAnswers(base, group.said);
  } finally {
    await group.end();
  }
});

test("wrangler takes the configuration for a deployment", { skip: absent(wrangler) }, async () => {
  const args = [wrangler as string, "deploy", "--dry-run", "--outdir", "out"];
  const said = await output(newer, args, copy, { CI: "1", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" });
  assert.match(said, /env\.STATES/);
});

test("Lambda", { skip: absent(lambda) }, async () => {
  const events = [TURNS[0]!, { ...TURNS[1]!, stream: true }].map(eventOf);
  const [whole, streamed] = await invoke(newer, lambda as string, copy, events);
  assert.equal(textOf(afterHead(whole!.pieces)), expected[0]);
  const text = streamed!.pieces.join("");
  const chunks = eventsIn(text.slice(text.indexOf("data:"))).filter((data) => data !== "[DONE]");
  assert.equal(joined(chunks.map((data) => JSON.parse(data))), expected[1]);
});

/** What a function URL sends. */
function eventOf(body: object): object {
  const request = post(CHAT, body);
  return {
    rawPath: new URL(request.url).pathname,
    rawQueryString: "",
    headers: Object.fromEntries(request.headers),
    body: Buffer.from(JSON.stringify(body)).toString("base64"),
    isBase64Encoded: true,
    requestContext: { domainName: "example.org", http: { method: "POST" } },
  };
}

/** The head is JSON that ends with eight zeros. */
function afterHead(pieces: readonly string[]): Json {
  const text = pieces.join("");
  return JSON.parse(text.slice(text.indexOf("\0\0\0\0\0\0\0\0") + 8));
}
