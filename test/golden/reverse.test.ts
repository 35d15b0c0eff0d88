/** A model trained to reverse numbers, which must get every digit that the reference gets. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Session } from "wkv";
import { mostLikely } from "wkv/sampler";
import { goldenFolder, missingGolden } from "../support/missing.ts";
import { load } from "../support/models.ts";

interface Episodes {
  /** A character for each id. */
  vocab: string;
  reference_correct: number;
  total: number;
  /** `text` is `number,reversed#`; the reference gets `correct` of its last `of` characters. */
  episodes: { text: string; correct: number; of: number }[];
}

for (const weights of ["f32", "int8"] as const)
  test(`the reversing model with ${weights} solves its episodes`, { skip: missingGolden() }, () =>
    checkEpisodes(weights),
  );

async function checkEpisodes(weights: "f32" | "int8"): Promise<void> {
  const folder = join(goldenFolder, "reverse");
  const { vocab, episodes, ...reference }: Episodes = JSON.parse(readFileSync(join(folder, "episodes.json"), "utf8"));
  const model = await load(join(folder, "reverse-rwkv7.f32.safetensors"), { weights });
  try {
    let correct = 0;
    let total = 0;
    for (const { text, ...expected } of episodes) {
      const ids = Array.from(text, (character) => vocab.indexOf(character));
      const found = await countCorrect(model.createSession(), ids, text.indexOf(","));
      assertSolved(found, expected.correct, weights, text);
      correct += found;
      total += expected.of;
    }
    assert.equal(total, reference.total);
    assertSolved(correct, reference.reference_correct, weights, "all episodes");
  } finally {
    await model.dispose();
  }
}

/** int8 must not lose a digit. (It gets the one that the reference misses: a near tie falls the other way.) */
function assertSolved(found: number, expected: number, weights: "f32" | "int8", what: string): void {
  if (weights === "f32") assert.equal(found, expected, what);
  else assert.ok(found >= expected, `${what}: ${found} of ${expected}`);
}

/** How many ids after place `comma` are the likeliest ones to come. */
async function countCorrect(session: Session, ids: readonly number[], comma: number): Promise<number> {
  let correct = 0;
  for (const [i, id] of ids.slice(0, -1).entries()) {
    const logits = await session.feed(id);
    if (i >= comma && mostLikely(logits) === ids[i + 1]) correct++;
  }
  return correct;
}
