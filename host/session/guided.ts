import type { Generator } from "./generate.ts";
import type { Session } from "./session.ts";

/**
 * Classifier-free guidance: away from what another session would say. What is drawn from is
 * guide + scale · (own − guide), which as logits of a softmax is the same as for log-probabilities (Sanchez et al.,
 * 2023). Both sessions take in every token that is drawn.
 */
export interface Guidance {
  /** 1 changes nothing, 1.5 is a usual value. */
  readonly scale: number;
  /** What the other session has read, as text or ids: the prompt without the instruction, or with one to be avoided. */
  readonly prompt?: string | Iterable<number> | undefined;
  /** The other session itself, of the same model, instead of a prompt. */
  readonly session?: Session | undefined;
}

/** @throws TypeError or RangeError */
export function checkGuidance(guidance: Guidance): void {
  if (typeof guidance !== "object" || guidance === null)
    throw new TypeError(`"guidance" expected an object with scale and prompt or session, got ${guidance}`);
  const { scale, prompt, session } = guidance;
  if (typeof scale !== "number") throw new TypeError(`"guidance" expected a number as scale, got ${typeof scale}`);
  if (!Number.isFinite(scale)) throw new RangeError(`"guidance" expected a finite scale, got ${scale}`);
  if ((prompt === undefined) === (session === undefined))
    throw new TypeError(`"guidance" expected a prompt or a session, got ${session ? "both" : "neither"}`);
}

/** Two generators as one. Tokens go to both at the same time, so that they share a pass over the weights. */
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
    next: async (token) => mix(await both(first.next(token), second.next(token))),
  };
}

/** Unlike Promise.all, fails only when nothing is running any more. */
async function both<T>(a: Promise<T>, b: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}
