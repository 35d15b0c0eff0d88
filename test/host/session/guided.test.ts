/** Classifier-free guidance over two sessions, and what `generate` says about sampling options of a known model. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type GenerateOptions, type Model, type Piece, type Session, WkvError } from "wkv";
import { createSampler, logProbability } from "wkv/sampler";
import { collect } from "../../support/collect.ts";
import { committed, load, randomTokens, SMALL, SMALL_IDS, symbols } from "../../support/models.ts";

let model: Model;
before(async () => {
  model = await load(SMALL, { threads: 2, vocab: symbols(SMALL_IDS) });
});
after(() => model.dispose());

const PROMPT = randomTokens(9, SMALL_IDS, 1);
const AVOIDED = randomTokens(5, SMALL_IDS, 2);

const tokensOf = (pieces: Piece[]) => pieces.map(({ token }) => token);

/** Draws by hand what guidance must draw. */
async function byHand(
  scale: number,
  options: GenerateOptions,
  length: number,
): Promise<{ token: number; logprob: number }[]> {
  const [own, guide] = [model.createSession(), model.createSession()];
  let [a, b] = [await own.feed(PROMPT), await guide.feed(AVOIDED)];
  const { maxTokens: _, logprobs: __, ...sampling } = options;
  const sample = createSampler(sampling);
  const made: { token: number; logprob: number }[] = [];
  for (let i = 0; i < length; i++) {
    const logits = b.map((logit, id) => logit + scale * (a[id]! - logit));
    const token = sample(logits);
    made.push({ token, logprob: logProbability(logits, token) });
    [a, b] = (await model.feedAll([
      { session: own, tokens: token },
      { session: guide, tokens: token },
    ])) as [Float32Array, Float32Array];
  }
  return made;
}

for (const scale of [0, 1, 1.5, -2])
  test(`a prompt as guidance, scale ${scale}`, async () => {
    const options = { seed: 3, topP: 0.9, maxTokens: 12, logprobs: true };
    const pieces = await collect(
      model.createSession().generate(PROMPT, { ...options, guidance: { prompt: AVOIDED, scale } }),
    );
    const expected = await byHand(scale, options, 12);
    assert.deepEqual(
      pieces.map(({ token, logprob }) => ({ token, logprob })),
      expected,
    );
  });

test("scale 1 says what the session says alone, scale 0 what the other says", async () => {
  const options = { temperature: 0, maxTokens: 10 };
  const guided = async (scale: number) =>
    tokensOf(
      await collect(model.createSession().generate(PROMPT, { ...options, guidance: { prompt: AVOIDED, scale } })),
    );
  assert.deepEqual(await guided(0), tokensOf(await collect(model.createSession().generate(AVOIDED, options))));
  assert.deepEqual(await guided(1), tokensOf(await collect(model.createSession().generate(PROMPT, options))));
});

test("a session as guidance goes on from where it stands, and is usable afterwards", async () => {
  const options = { seed: 3, maxTokens: 8 };
  const [session, other] = [model.createSession(), model.createSession()];
  await other.feed(AVOIDED);
  const pieces = await collect(session.generate(PROMPT, { ...options, guidance: { session: other, scale: 1.5 } }));
  const withPrompt = model.createSession().generate(PROMPT, { ...options, guidance: { prompt: AVOIDED, scale: 1.5 } });
  assert.deepEqual(tokensOf(pieces), tokensOf(await collect(withPrompt)));
  const read = await model.createSession().feed([...AVOIDED, ...tokensOf(pieces)]);
  assert.deepEqual(await other.feed([]), read, "it has read every token");
  assert.equal(pieces.at(-1)?.usage?.promptTokens, PROMPT.length);
});

test("leaving early, an abort and a wrong call leave both sessions usable", async () => {
  const [session, other] = [model.createSession(), model.createSession()];
  await other.feed(AVOIDED);
  const guidance = { session: other, scale: 2 };
  for await (const _ of session.generate(PROMPT, { guidance })) break;
  const controller = new AbortController();
  const generating = async () => {
    for await (const _ of session.generate([], { guidance, signal: controller.signal }))
      controller.abort(new Error("enough"));
  };
  await assert.rejects(generating(), { message: "enough" });
  const busy = session.generate([], { guidance });
  await busy.next();
  const isBusy = (error: unknown) => error instanceof WkvError && error.code === "busy";
  await assert.rejects(other.feed(1), isBusy);
  await assert.rejects(model.createSession().generate([1], { guidance }).next(), isBusy);
  await busy.return();
  await Promise.all([session.feed(1), other.feed(1)]);
});

test("wrong guidance is refused at the door", async () => {
  await using another = await load(committed("s4.bf16.safetensors"), { vocab: null });
  const session = model.createSession();
  const wrong: [guidance: unknown, message: RegExp][] = [
    [5, /"guidance" expected an object/],
    [{ prompt: [1] }, /"guidance" expected a number as scale, got undefined/],
    [{ prompt: [1], scale: Infinity }, /"guidance" expected a scale from -1000000 to 1000000, got Infinity/],
    [{ prompt: [1], scale: 1e308 }, /"guidance" expected a scale from/],
    [{ scale: 1 }, /"guidance" expected a prompt or a session, got neither/],
    [{ scale: 1, prompt: [1], session: model.createSession() }, /got both/],
    [{ scale: 1, prompt: [] }, /"guidance" expected a prompt of at least one token/],
    [{ scale: 1, prompt: [SMALL_IDS] }, /"guidance" expected ids from 0 to 96/],
    [{ scale: 1, session }, /"guidance" expected another session of the same model/],
    [{ scale: 1, session: another.createSession() }, /"guidance" expected another session of the same model/],
    [{ scale: 1, session: {} as Session }, /"guidance" expected another session of the same model/],
  ];
  for (const [guidance, message] of wrong)
    assert.throws(() => session.generate([1], { guidance } as GenerateOptions), { message });
});

test("ids in the options must be the model's", () => {
  const session = model.createSession();
  for (const options of [{ bannedTokens: [97] }, { logitBias: { 97: 1 } }, { penaltyHistory: [97] }])
    assert.throws(() => session.generate([1], options), {
      name: "RangeError",
      message: /expected ids from 0 to 96, got 97/,
    });
  assert.throws(() => session.generate([1], { logprobs: -1 }), { message: /"logprobs" expected true, false or/ });
});

test("a generation keeps to penalties, bans and the caller's function", async () => {
  const generate = (options: GenerateOptions) =>
    collect(model.createSession().generate(PROMPT, { maxTokens: 40, seed: 5, topP: 1, ...options }));
  const banned = tokensOf(await generate({})).slice(0, 5);
  assert.ok(!tokensOf(await generate({ bannedTokens: banned })).some((token) => banned.includes(token)));
  const different = tokensOf(await generate({ presencePenalty: 1000 }));
  assert.equal(new Set(different).size, different.length, "no token comes twice");
  const only = await generate({ logitsProcessor: (logits) => void logits.fill(-Infinity, 0, 96) });
  assert.ok(tokensOf(only).every((token) => token === 96));
});
