/** A model trained to reverse numbers, which must get every digit that the reference gets. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Session } from "wkv";
import { mostLikely } from "wkv/sampler";
import { goldenFolder, noGolden } from "../host/checkpoint-checks.ts";
import { load } from "../host/models.ts";

interface Episodes {
  /** A character for each id. */
  vocab: string;
  reference_correct: number;
  total: number;
  /** `text` is `number,reversed#`; the reference gets `correct` of its last `of` characters. */
  episodes: { text: string; correct: number; of: number }[];
}

test("the reversing model solves its episodes as the reference does", { skip: noGolden }, async () => {
  const folder = join(goldenFolder, "reverse");
  const { vocab, episodes, ...reference }: Episodes = JSON.parse(readFileSync(join(folder, "episodes.json"), "utf8"));
  const model = await load(join(folder, "reverse-rwkv7.f32.safetensors"));
  try {
    let correct = 0;
    let total = 0;
    for (const { text, ...expected } of episodes) {
      const ids = Array.from(text, (character) => vocab.indexOf(character));
      const found = await countCorrect(model.createSession(), ids, text.indexOf(","));
      assert.equal(found, expected.correct, text);
      correct += found;
      total += expected.of;
    }
    assert.deepEqual([correct, total], [reference.reference_correct, reference.total]);
  } finally {
    await model.dispose();
  }
});

/** How many ids after place `comma` are the likeliest ones to come. */
async function countCorrect(session: Session, ids: readonly number[], comma: number): Promise<number> {
  let correct = 0;
  for (const [i, id] of ids.slice(0, -1).entries()) {
    const logits = await session.feed(id);
    if (i >= comma && mostLikely(logits) === ids[i + 1]) correct++;
  }
  return correct;
}
