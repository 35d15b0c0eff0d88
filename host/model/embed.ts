import type { Model } from "./model.ts";

/**
 * The hidden state after the last layer at the last token, scaled to length 1. RWKV models are not trained for it: it
 * compares texts roughly. No tokens are taken as the end of text.
 */
export async function embed(model: Model, tokens: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
  const read = tokens.length > 0 ? tokens : [model.tokenizer.endOfText ?? 0];
  using session = model.createSession();
  if (read.length > 1) await session.feed(read.slice(0, -1), { signal });
  let last = new Float32Array();
  for await (const { hidden } of session.inspect(read.slice(-1), { signal })) last = unit(hidden.at(-1)!);
  return last;
}

function unit(vector: Float32Array) {
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}
