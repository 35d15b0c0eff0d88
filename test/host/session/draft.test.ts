/** Drafts change nothing but the speed: pieces, log-probabilities, draws and the state afterwards are those without. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { GenerateOptions, Model, Piece, Session } from "wkv";
import { LookupDraft } from "../../../host/session/draft.ts";
import { SuffixAutomaton } from "../../../host/session/suffix-automaton.ts";
import { FULL } from "../../support/effort.ts";
import { load, ONE_OF_EACH, randomTokens, symbols } from "../../support/models.ts";
import { random } from "../../support/random.ts";

const SAMPLERS: Record<string, GenerateOptions> = {
  "the likeliest token": { temperature: 0 },
  "nucleus sampling": { temperature: 0.7, topP: 0.5 },
  "a wide distribution": { temperature: 1.2, topP: 1 },
  "mirostat and penalties": { mirostatTau: 2, presencePenalty: 0.4, frequencyPenalty: 0.2 },
};

describe("drafts", () => {
  for (const path of ONE_OF_EACH)
    test(`of ${path.split("/").at(-1)}`, async () => {
      const model = await load(path, { threads: 2, vocab: symbols(97) });
      try {
        await compareAll(model);
      } finally {
        await model.dispose();
      }
    });
});

async function compareAll(model: Model): Promise<void> {
  let drafted = 0;
  let accepted = 0;
  for (const [name, sampler] of Object.entries(SAMPLERS))
    for (let seed = 1; seed <= (FULL ? 9 : 3); seed++) {
      const tokens = repeated(seed);
      // Every third generation is left early, while tokens are read ahead.
      const options = { ...sampler, seed, logprobs: 2, maxTokens: 60, leaveAfter: seed % 3 === 0 ? 20 + seed : 60 };
      const plain = await run(model.createSession(), tokens, options);
      const quick = await run(model.createSession(), tokens, { ...options, draft: "lookup" });
      assert.deepEqual(quick.pieces.map(withoutUsage), plain.pieces.map(withoutUsage), `${name}, seed ${seed}`);
      assert.deepEqual(quick.after, plain.after, `the state after ${name}, seed ${seed}`);
      const usage = quick.pieces.at(-1)?.usage;
      drafted += usage?.draftedTokens ?? 0;
      accepted += usage?.acceptedTokens ?? 0;
    }
  assert.ok(drafted > accepted && accepted > 0, `${drafted} drafted, ${accepted} accepted`);
}

interface RunOptions extends GenerateOptions {
  leaveAfter: number;
}

/** Two generations of one session, then the logits that the state gives. */
async function run(session: Session, tokens: number[], { leaveAfter, ...options }: RunOptions) {
  const pieces: Piece[] = [];
  for (const prompt of [tokens, tokens.slice(0, 3)]) {
    let made = 0;
    for await (const piece of session.generate(prompt, options)) {
      pieces.push(piece);
      if (++made === leaveAfter) break;
    }
  }
  const after = await session.feed([1, 2, 3]);
  session.dispose();
  return { pieces, after };
}

function withoutUsage({ usage: _, ...piece }: Piece): Piece {
  return piece;
}

/** Text that repeats itself, so that there is something to look up. */
function repeated(seed: number): number[] {
  const phrase = randomTokens(12, 90, seed);
  return [...phrase, ...randomTokens(5, 90, seed + 100), ...phrase, ...phrase];
}

test("the suffix automaton finds the longest end that occurred before", () => {
  const next = random(5);
  let others = 0;
  for (let round = 0; round < (FULL ? 60 : 12); round++) {
    const automaton = new SuffixAutomaton();
    const letters = 2 + (round % 4);
    for (let i = 0; i < 120; i++) {
      automaton.push(next(letters));
      const { length, next: at, other } = automaton.match();
      const { tokens } = automaton;
      assert.equal(length, longestRepeat(tokens));
      assert.deepEqual(tokens.slice(at - length, at), tokens.slice(tokens.length - length));
      assert.ok(length === 0 || at < tokens.length, "an earlier one");
      if (!other) continue;
      others++;
      assert.ok(other.length >= 2 && other.length <= length && other.next !== at && other.next < tokens.length);
      assert.deepEqual(tokens.slice(other.next - other.length, other.next), tokens.slice(tokens.length - other.length));
    }
  }
  assert.ok(others > 100, `${others} other occurrences`);
});

test("of records, keys are drafted and values are not", async () => {
  const KEYS = [1, 2, 3, 4, 5];
  const record = (value: number) => [...KEYS, value, ...KEYS.map((key) => 10 * key), value + 1];
  const drafts: number[][] = [];
  const rows = (count: number) => Array.from({ length: count }, () => new Float32Array());
  const session = {
    hold: () => {},
    restore: () => {},
    feed: async () => new Float32Array(),
    feedEach: async (tokens: number[], from: number) => {
      drafts.push(tokens.slice(from + 1));
      return rows(tokens.length - from);
    },
  };
  const draft = new LookupDraft();
  draft.begin([...record(100), ...record(200)]);
  for (const token of [...record(300), ...record(400)]) await draft.next(session, token, 50);
  assert.deepEqual(draft.counts, { draftedTokens: drafts.flat().length, acceptedTokens: drafts.flat().length });
  assert.ok(drafts.flat().length >= 12, String(drafts));
});

function longestRepeat(tokens: readonly number[]): number {
  const text = tokens.join(",");
  for (let length = tokens.length - 1; length > 0; length--) {
    const end = tokens.slice(tokens.length - length).join(",");
    if (`,${text}`.indexOf(`,${end}`) < text.length - end.length) return length;
  }
  return 0;
}
