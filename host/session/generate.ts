import type { Constraint } from "../constraint/constraint.ts";
import type { ConstraintSource } from "../constraint/index.ts";
import { only } from "../options/names.ts";
import { ARRANGEMENT_OPTIONS, type Arrangement } from "../prompt/arrange.ts";
import { exemptTokens } from "../sampling/exempt.ts";
import {
  checkLogits,
  createSampler,
  logProbabilities,
  type Sampler,
  type SamplerOptions,
  type TokenLogprob,
} from "../sampling/index.ts";
import { SAMPLER_OPTIONS } from "../sampling/options.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { StopFilter } from "./stop-filter.ts";
import { type Drafts, type Timed, type Usage, usageOf } from "./usage.ts";

/** Options of one generator. `questionFirst` and `readTwice` apply to text prompts. */
export interface DecodeOptions extends SamplerOptions, Arrangement {
  /** Maximum number of tokens. Default 256. */
  maxTokens?: number | undefined;
  /** Generation ends before the first of these strings; they are never part of the text. */
  stop?: readonly string[] | undefined;
  /**
   * Adds the natural logarithm of each token's probability according to the model: after guidance, before sampler
   * options. A number: also this many of the most likely tokens with theirs.
   */
  logprobs?: boolean | number | undefined;
  /**
   * Structured output: a schema, regular expression or choices, or a constraint from `createConstraint`, from whose
   * current point the text continues. It is forked, so one constraint serves any number of generations. Any object with
   * the members of {@link Constraint} works: docs/constrained.md, "Bring your own constraint".
   */
  constraint?: Constraint | ConstraintSource | undefined;
  /**
   * "lookup": if the end of the text occurred before, what followed there is read ahead, several tokens per pass. The
   * text, its log-probabilities and the draws of a seed are the same; text that repeats its prompt is faster. Ignored
   * with `guidance`.
   */
  draft?: "lookup" | undefined;
  /** Aborts the generation: the loop throws the signal's reason, and the session stays at the last token. */
  signal?: AbortSignal | undefined;
}

export const DECODE_OPTIONS = {
  ...SAMPLER_OPTIONS,
  ...ARRANGEMENT_OPTIONS,
  maxTokens: true,
  stop: true,
  logprobs: true,
  constraint: true,
  draft: true,
  signal: true,
} as const satisfies Record<keyof DecodeOptions, true>;

/**
 * `end`: the model ended the text; `stop`: a stop string occurred; `length`: `maxTokens` were generated; `complete`:
 * the constraint allows no more text.
 */
export type StopReason = "end" | "stop" | "length" | "complete";

/** One token of a generation. */
export interface Piece {
  /** The text completed by this token; empty inside a character or a possible stop string. */
  readonly text: string;
  readonly token: number;
  readonly logprob?: number;
  /** The most likely tokens, most likely first. */
  readonly topLogprobs?: readonly TokenLogprob[];
  /** Why the generation ended; on the last piece only. */
  readonly stop?: StopReason;
  /** Counts and speed; on the last piece only. */
  readonly usage?: Usage;
  /** Whether the whole text satisfies the constraint; on the last piece of a constrained generation. */
  readonly complete?: boolean;
}

/** The session operations that a generation needs. */
export interface Generator {
  /** The logits to start from. */
  readonly logits: Float32Array;
  /** The tokens read to get them. */
  readonly prompt?: Timed | undefined;
  /**
   * Feeds a token; returns the logits after it. At most `left` tokens follow.
   * @param ids where only their logits are needed: the others may be −∞, and for none there need be no logits
   */
  next(token: number, left: number, ids?: readonly number[]): Promise<Float32Array>;
  /** Draft counts so far, if drafts are used. */
  drafts?(): Drafts;
  /** After the last token, or if the generation is left early: moves the session to the end of the text. */
  finish?(): Promise<void>;
}

/**
 * Generates tokens until something ends it. Every token except the one that ends the text has been fed before its piece
 * is yielded, so the session can be saved or continued after any piece.
 */
export async function* generate(
  { logits, prompt = { tokens: 0, seconds: 0 }, next, drafts }: Generator,
  tokenizer: Tokenizer,
  options: DecodeOptions,
): AsyncGenerator<Piece, void, void> {
  const { maxTokens = 256, stop = [], signal } = options;
  const constraint = options.constraint && (await ownConstraint(options.constraint, tokenizer));
  const plain = samplerFor(options, tokenizer);
  const sample = constraint ? constrained(plain, constraint) : plain;
  const few = needsAll(options) ? undefined : (left: number) => constraint?.allowed?.(left, MOST_FEW);
  const decoder = tokenizer.stream();
  const filter = new StopFilter(stop);
  let seconds = 0;
  for (let generated = 1; generated <= maxTokens; generated++) {
    signal?.throwIfAborted();
    const start = performance.now();
    const elapse = () => (seconds += (performance.now() - start) / 1000);
    const last = (stop: StopReason) => ({
      stop,
      ...(constraint && { complete: constraint.complete }),
      usage: usageOf(prompt, { tokens: generated, seconds: elapse() }, drafts?.()),
    });
    const token = sample(logits, maxTokens - generated + 1);
    const piece = { token, ...logprobsOf(logits, token, options) };
    if (token === tokenizer.endOfText) {
      const text = filter.push(decoder.flush()) + filter.rest();
      yield { ...piece, text, ...last(filter.found ? "stop" : "end") };
      return;
    }
    constraint?.accept(token);
    const reason = constraint?.finished ? "complete" : generated === maxTokens ? "length" : undefined;
    logits = await next(token, maxTokens - generated, reason ? [] : few?.(maxTokens - generated));
    let text = filter.push(decoder.push(token));
    if (!filter.found && reason) text += filter.push(decoder.flush()) + filter.rest();
    if (filter.found) return yield { ...piece, text, ...last("stop") };
    if (reason) return yield { ...piece, text, ...last(reason) };
    elapse();
    yield { ...piece, text };
  }
}

/** From so many ids on, all logits are computed. */
const MOST_FEW = 256;

/** Whether a caller looks at the logits of what the constraint does not allow. */
function needsAll({ logprobs = false, logitsProcessor }: DecodeOptions): boolean {
  return logprobs !== false || logitsProcessor !== undefined;
}

/** A constraint that only this generation advances. The code for schemas is loaded on demand. */
async function ownConstraint(given: Constraint | ConstraintSource, tokenizer: Tokenizer): Promise<Constraint> {
  if (!("mask" in given)) return (await import("../constraint/index.ts")).createConstraint(tokenizer, given);
  if (given.finished) throw new RangeError('"constraint" expected one that allows more text, got a finished one');
  return given.fork();
}

/**
 * A sampler restricted to what the constraint allows. @param left tokens that may still be generated; logits are not
 * changed
 */
function constrained(sample: Sampler, constraint: Constraint): (logits: Float32Array, left: number) => number {
  let allowed = new Float32Array(0);
  return (logits, left) => {
    checkLogits(logits);
    if (allowed.length !== logits.length) allowed = new Float32Array(logits.length);
    allowed.set(logits);
    constraint.mask(allowed, left);
    return sample(allowed);
  };
}

/** By default, the frequency penalty skips the tokens that BlinkDL's pipeline skips. */
function samplerFor(options: DecodeOptions, tokenizer: Tokenizer): Sampler {
  return createSampler({
    ...only<SamplerOptions>(options, SAMPLER_OPTIONS),
    penaltyExempt: options.penaltyExempt ?? exemptTokens(tokenizer),
  });
}

function logprobsOf(logits: Float32Array, token: number, { logprobs = false }: DecodeOptions) {
  if (logprobs === false) return {};
  const { logprob, topLogprobs } = logProbabilities(logits, token, logprobs === true ? 0 : logprobs);
  return typeof logprobs === "number" && logprobs > 0 ? { logprob, topLogprobs } : { logprob };
}
