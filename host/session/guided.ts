import type { Generator } from "./generate.ts";

/**
 * Two generators as one, for classifier-free guidance: logits are guide + scale · (own − guide), which under a softmax
 * is the same for logits and log-probabilities (Sanchez et al., 2023). Both read every token at the same time, sharing
 * a pass over the weights.
 */
export async function guided(own: Promise<Generator>, guide: Promise<Generator>, scale: number): Promise<Generator> {
  const [first, second] = await both(own, guide);
  const mixed = new Float32Array(first.logits.length);
  const mix = ([a, b]: [Float32Array, Float32Array]) => {
    for (let i = 0; i < mixed.length; i++) mixed[i] = (b[i] as number) + scale * ((a[i] as number) - (b[i] as number));
    return mixed;
  };
  return {
    ...first,
    logits: mix([first.logits, second.logits]),
    next: async (token, left) => mix(await both(first.next(token, left), second.next(token, left))),
  };
}

/** Unlike Promise.all, rejects only when both have ended. */
async function both<T>(a: Promise<T>, b: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}
