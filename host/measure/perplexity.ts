import type { Model } from "../model/model.ts";
import { checkNames } from "../options/names.ts";
import { checkModel } from "../options/values.ts";
import { checkLogits, mostLikely } from "../sampling/index.ts";

export interface PerplexityOptions {
  /** A model with the same vocabulary to compare with, for example with f32 weights to show what int8 costs. */
  compare?: Model | undefined;
  /** Resets the session after this many tokens. Default: the whole text is one context. */
  context?: number | undefined;
  /** Called from time to time. */
  onProgress?: ((progress: { tokens: number; total: number }) => void) | undefined;
  /** Aborts the measurement; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

const PERPLEXITY_OPTIONS = { compare: true, context: true, onProgress: true, signal: true } as const satisfies Record<
  keyof PerplexityOptions,
  true
>;

/** How well a text was predicted. */
export interface Score {
  /** Mean of −ln p over the tokens. */
  readonly natsPerToken: number;
  /** e^natsPerToken: the model was as uncertain as among this many equally likely tokens. */
  readonly perplexity: number;
  /** Independent of the vocabulary, so that models can be compared. */
  readonly bitsPerByte: number;
}

export interface Perplexity extends Score {
  /** Predicted tokens: all, or all but the first of each context if the vocabulary has no end of text. */
  readonly tokens: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Of all models together. */
  readonly tokensPerSecond: number;
  readonly compared?: Comparison;
}

export interface Comparison extends Score {
  /** Mean of Σ p ln(p / q) in nats; q is the model's distribution, p the other model's. */
  readonly klDivergence: number;
  /** Share of positions at which both have the same most likely token. */
  readonly sameTop: number;
}

/**
 * Reads a text and looks at the probability of each token before it comes. Each context begins with the end of text
 * where the vocabulary has one: so the first token is predicted too.
 * @throws RangeError when there is nothing to predict, or models have different vocabularies; WkvError `bad-file` for
 *   logits that are NaN or infinite
 * @example
 * const { bitsPerByte } = await perplexity(model, "Once upon a time there was a king.");
 * console.log(bitsPerByte);
 */
export async function perplexity(
  model: Model,
  text: string | Uint8Array,
  options: PerplexityOptions = {},
): Promise<Perplexity> {
  checkModel(model);
  checkNames(options, PERPLEXITY_OPTIONS, "perplexity");
  const { compare, context = Infinity, onProgress, signal } = options;
  if (!(Number.isInteger(context) || context === Infinity) || context < 1)
    throw new RangeError(`"context" expected a whole number >= 1, got ${context}`);
  if (compare !== undefined) checkModel(compare, "compare");
  if (compare && compare.info.vocabSize !== model.info.vocabSize)
    throw new RangeError(`"compare" expected a model with ${model.info.vocabSize} ids, got ${compare.info.vocabSize}`);
  const ids = model.tokenizer.encode(text);
  const start = performance.now();
  const tally = new Tally();
  for (const { inputs, targets } of contexts(ids, context, model.tokenizer.endOfText)) {
    for await (const { target, logits, reference } of readTogether(model, compare, inputs, targets, signal)) {
      tally.add(target, model.tokenizer.tokenBytes(target).length, logits, reference);
      if (tally.tokens % 16 === 0) onProgress?.({ tokens: tally.tokens, total: ids.length });
    }
  }
  return tally.result((performance.now() - start) / 1000);
}

/** The tokens to feed, and the tokens to predict after each. */
interface Context {
  readonly inputs: number[];
  readonly targets: number[];
}

function* contexts(ids: readonly number[], length: number, endOfText: number | undefined): Generator<Context> {
  for (let i = 0; i < ids.length; i += length) {
    const part = ids.slice(i, i + length);
    const inputs = endOfText === undefined ? part.slice(0, -1) : [endOfText, ...part.slice(0, -1)];
    yield { inputs, targets: endOfText === undefined ? part.slice(1) : part };
  }
}

/** Feeds one context to both models, in turn: at the same time they would compete for the cores. */
async function* readTogether(
  model: Model,
  compare: Model | undefined,
  inputs: readonly number[],
  targets: readonly number[],
  signal: AbortSignal | undefined,
) {
  const session = model.createSession();
  const other = compare?.createSession();
  try {
    const references = other?.feedEach(inputs, { signal });
    let i = 0;
    for await (const logits of session.feedEach(inputs, { signal })) {
      const reference = (await references?.next())?.value ?? undefined;
      yield { target: targets[i++] as number, logits, reference };
    }
  } finally {
    session.dispose();
    other?.dispose();
  }
}

/** Sums over the tokens. */
class Tally {
  tokens = 0;
  #bytes = 0;
  #nats = 0;
  #compared: { nats: number; kl: number; same: number } | undefined;

  add(target: number, bytes: number, logits: Float32Array, reference: Float32Array | undefined): void {
    const q = logProbabilities(logits);
    this.tokens++;
    this.#bytes += bytes;
    this.#nats -= q[target] as number;
    if (!reference) return;
    const p = logProbabilities(reference);
    this.#compared ??= { nats: 0, kl: 0, same: 0 };
    this.#compared.nats -= p[target] as number;
    this.#compared.kl += klDivergence(p, q);
    this.#compared.same += mostLikely(reference) === mostLikely(logits) ? 1 : 0;
  }

  result(seconds: number): Perplexity {
    const { tokens } = this;
    if (tokens === 0) throw new RangeError('"text" is too short: at least two tokens are needed');
    const compared = this.#compared && {
      ...this.#score(this.#compared.nats),
      klDivergence: this.#compared.kl / tokens,
      sameTop: this.#compared.same / tokens,
    };
    const speed = { tokens, bytes: this.#bytes, tokensPerSecond: tokens / seconds };
    return { ...this.#score(this.#nats), ...speed, ...(compared && { compared }) };
  }

  #score(nats: number): Score {
    const natsPerToken = nats / this.tokens;
    return { natsPerToken, perplexity: Math.exp(natsPerToken), bitsPerByte: nats / Math.LN2 / this.#bytes };
  }
}

/** Natural logarithms of all tokens' probabilities. */
export function logProbabilities(logits: Float32Array): Float64Array {
  checkLogits(logits);
  const top = logits[mostLikely(logits)] as number;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  const all = top + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - all);
}

/** Σ p ln(p / q), from logarithms. */
export function klDivergence(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const log = p[i] as number;
    const weight = Math.exp(log);
    if (weight > 0) sum += weight * (log - (q[i] as number));
  }
  return sum;
}
