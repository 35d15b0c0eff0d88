/** Sessions of a model share passes, memory and a prefix cache, and each still gets the bits that it would get alone. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Mark, Model, Session } from "wkv";
import { some } from "../support/effort.ts";
import { committed, load, randomTokens, symbols } from "../support/models.ts";
import { random } from "../support/random.ts";
import { assertSameBits } from "../support/same-bits.ts";

const SESSIONS = 8;
const STEPS = 24;
/** Models whose states differ in kind, and their ids. */
const MODELS = [
  ["s4.bf16.safetensors", 300],
  ["s52.f16.pth", 300],
  ["q7.zip.pth", 97],
] as const;

for (const [file, size] of MODELS)
  for (const weights of some(["f32", "int8"] as const))
    describe(`${file}, ${weights}: ${SESSIONS} sessions with forks, rewinds, saves and cache hits`, () => {
      const options = { weights, vocab: symbols(size) };
      const expected: Uint8Array[] = [];
      let maxBytes = 0;

      before(async () => {
        const alone = await load(committed(file), options);
        for (let i = 0; i < SESSIONS; i++) expected.push(await play(alone, i));
        assert.equal(alone.prefixCache.hits + alone.prefixCache.misses, 0);
        maxBytes = 60 * (alone.info.stateBytes + 4 * size); // fewer states than there will be, so that some are dropped
        await alone.dispose();
      });

      for (const threads of some([2, 1, 4]))
        test(`${threads} threads`, async () => {
          const shared = await load(committed(file), { ...options, threads, prefixCache: { maxBytes } });
          for (let round = 0; round < 2; round++) {
            const found = await Promise.all(expected.map((_, i) => play(shared, i)));
            for (const [i, log] of found.entries()) assertSameBits(log, expected[i]!, `session ${i}, round ${round}`);
          }
          const { hits, misses, tokensSaved, dropped, bytes } = shared.prefixCache;
          assert.ok(hits > 10 && misses > 10 && dropped > 10, `${hits} hits, ${misses} misses, ${dropped} dropped`);
          assert.ok(tokensSaved > hits);
          assert.ok(bytes <= maxBytes);
          await shared.dispose();
        });
    });

/** One session's story, drawn from its number: every logit that it gets on the way. */
async function play(model: Model, number: number): Promise<Uint8Array> {
  const next = random(number);
  const { vocabSize } = model.info;
  const beginnings = [1, 2, 3].map((seed) => randomTokens(200, vocabSize, seed));
  const log: Float32Array[] = [];
  let session: Session = model.createSession();
  const marks: Mark[] = [await session.mark()];
  const actions: (() => Promise<unknown>)[] = [
    async () => log.push(await session.feed(randomTokens(1 + next(40), vocabSize, next(5)))),
    async () => {
      // A prompt that others begin with too: some go on differently after 50 or 150 tokens.
      const prompt = [
        ...beginnings[next(3)]!.slice(0, [50, 150, 200][next(3)]),
        ...randomTokens(next(60), vocabSize, next(4)),
      ];
      if (next(4)) session.reset();
      log.push(await session.feed(prompt));
    },
    async () => {
      const made: number[] = [];
      const options = { maxTokens: 1 + next(40), seed: next(3), topP: 1 };
      const leaveAt = next(60);
      const prompt = beginnings[next(3)]!.slice(0, 30);
      for await (const { token } of session.generate(prompt, options)) if (made.push(token) > leaveAt) break;
      log.push(Float32Array.from(made));
    },
    async () => marks.push(await session.mark()),
    async () => session.rewind(marks[next(marks.length)]!),
    async () => {
      const fork = session.fork();
      log.push(...(await Promise.all([fork.feed([1, 2, 3]), session.feed(randomTokens(20, vocabSize, 9))])));
      if (next(2)) [session] = [fork, session.dispose()];
      else fork.dispose();
    },
    async () => {
      const saved = await session.save();
      session.dispose();
      session = model.createSession(saved);
    },
    async () => {
      for await (const logits of session.feedEach(randomTokens(20, vocabSize, next(3)))) log.push(logits);
    },
  ];
  for (let step = 0; step < STEPS; step++) await actions[next(actions.length)]!();
  log.push(await session.feed([1]));
  session.dispose();
  return Buffer.concat(log.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
}
