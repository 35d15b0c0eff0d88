/** Generations and answers as streams: all of it, read by read; leaving a stream ends what makes it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadModel, type Model, type Piece } from "wkv";
import { chat } from "wkv/chat";

const PROMPT = "User: The key is in the well. Rosa is a miller.\nWhere is the key?\n\nAssistant:";
const OPTIONS = { temperature: 0, maxTokens: 24, stop: ["\n\n"] };
let model: Model;
let text: string;

before(async () => {
  model = await loadModel("box", { threads: 2 });
  text = "";
  for await (const piece of model.createSession().generate(PROMPT, OPTIONS)) text += piece.text;
  assert.match(text, /well/);
});
after(() => model.dispose());

const generate = (options = {}) => model.createSession().generate(PROMPT, { ...OPTIONS, ...options });

test("pieces, text and events are what the loop gives", async () => {
  let joined = "";
  for await (const piece of generate().toReadableStream()) joined += piece.text;
  assert.equal(joined, text);
  assert.equal(await new Response(generate().toTextStream()).text(), text);
  const events = (await new Response(generate().toEventStream()).text()).split("\n\n");
  assert.deepEqual(events.splice(-2), ["data: [DONE]", ""]);
  const pieces = events.map((event) => JSON.parse(event.slice("data: ".length)) as Piece);
  assert.equal(pieces.map((piece) => piece.text).join(""), text);
  assert.ok(pieces.at(-1)?.stop && pieces.at(-1)?.usage);
});

test("guided generations and answers are streams too", async () => {
  const guided = generate({ guidance: { scale: 1, prompt: "\n" } });
  assert.equal(await new Response(guided.toTextStream()).text(), text);
  const messages = [{ role: "user" as const, content: "The key is in the well. Rosa is a miller.\nWhere is the key?" }];
  const ask = () => chat(model, messages, { temperature: 0, maxTokens: 24 });
  const { message } = await ask().result();
  assert.equal(await new Response(ask().toTextStream()).text(), message.content);
  let joined = "";
  for await (const piece of ask().toReadableStream()) joined += piece.text;
  assert.equal(joined, message.content);
  assert.match(await new Response(ask().toEventStream()).text(), /"stop":"\w+".*\n\ndata: \[DONE\]\n\n$/);
});

test("nothing is computed that is not read for", async () => {
  const session = model.createSession();
  const reader = session
    .generate(PROMPT, { ...OPTIONS, maxTokens: 1000 })
    .toReadableStream()
    .getReader();
  assert.equal(await lengthOf(session), 0);
  await reader.read();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await reader.cancel();
  const read = session.generate([], { maxTokens: 1, temperature: 0 });
  const { value } = await read.next();
  const expected: number[] = [];
  for await (const { token } of generate({ maxTokens: 3 })) expected.push(token);
  assert.equal(value?.token, expected[2], "two tokens were made, and the third goes on from there");
});

test("cancelling ends a generation, also while it reads its prompt", async () => {
  const session = model.createSession();
  const long = Array.from({ length: 100_000 }, (_, i) => (i % 200) + 1);
  const reader = session.generate(long, OPTIONS).toTextStream().getReader();
  const pending = reader.read();
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await reader.cancel(new Error("enough"));
  assert.equal((await pending).done, true);
  assert.ok(performance.now() - started < 5000, "it did not read to the end");
  await session.feed([1]); // not busy
});

test("errors: the stream's own, or the last event; a signal's reason", async () => {
  const mask = () => assert.fail("no mask");
  const constraint = { mask, fork: () => constraint } as never;
  const broken = () => generate({ constraint });
  await assert.rejects(new Response(broken().toTextStream()).text(), /no mask/);
  assert.equal(
    await new Response(broken().toEventStream()).text(),
    'event: error\ndata: {"code":"error","message":"no mask"}\n\n',
  );
  const reason = new Error("left");
  await assert.rejects(new Response(generate({ signal: AbortSignal.abort(reason) }).toTextStream()).text(), reason);
  const session = model.createSession();
  const first = session.generate(PROMPT, OPTIONS);
  await first.next();
  assert.match(
    await new Response(session.generate(PROMPT, OPTIONS).toEventStream()).text(),
    /^event: error\ndata: \{"code":"busy"/,
  );
  await first.return();
});

/** How many tokens a session has read, as its state tells: an untouched one has only zeros. */
async function lengthOf(session: ReturnType<Model["createSession"]>): Promise<number> {
  const tensors = await session.fork().state();
  return tensors.some(({ values }) => values.some((value) => value !== 0)) ? 1 : 0;
}
