import type { Constraint } from "../constraint/constraint.ts";
import type { ConstraintSource } from "../constraint/index.ts";
import type { Arrangement } from "../prompt/arrange.ts";
import { exemptTokens } from "../sampling/exempt.ts";
import {
  createSampler,
  logProbabilities,
  type Sampler,
  type SamplerOptions,
  type TokenLogprob,
} from "../sampling/index.ts";
import { settle } from "../sampling/options.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { checkGuidance, type Guidance } from "./guided.ts";
import { StopFilter } from "./stop-filter.ts";
import { type Timed, type Usage, usageOf } from "./usage.ts";

/** `questionFirst` and `readTwice` are for prompts of text. */
export interface GenerateOptions extends SamplerOptions, Arrangement {
  /** Most tokens to make. Default 256. */
  maxTokens?: number | undefined;
  /** Ends before the first of these texts, none of which is ever shown. */
  stop?: readonly string[] | undefined;
  /**
   * Adds the natural logarithm of each token's probability as the model gives it: after guidance, before all that the
   * sampler does. A number: also that many of the most likely tokens with theirs.
   */
  logprobs?: boolean | number | undefined;
  /** Draws away from what another session would say. */
  guidance?: Guidance | undefined;
  /**
   * What the text may be: a schema, an expression or choices, or what `createConstraint` made of one, at the place from
   * which the text goes on. It is forked, so one constraint serves any number of generations.
   */
  constraint?: Constraint | ConstraintSource | undefined;
  /** Ends the generation: the loop throws the signal's reason, and the session stays as it was after the last token. */
  signal?: AbortSignal | undefined;
}

/**
 * `end`: the model ended the text; `stop`: a stop string came; `length`: maxTokens were made; `complete`: nothing can
 * follow that the constraint allows.
 */
export type StopReason = "end" | "stop" | "length" | "complete";

/** One token of a generation. */
export interface Piece {
  /** The text that became complete with this token; empty inside a character or what may be a stop string. */
  readonly text: string;
  readonly token: number;
  readonly logprob?: number;
  /** The most likely tokens, the likeliest first. */
  readonly topLogprobs?: readonly TokenLogprob[];
  /** Why the generation ended; on the last piece only. */
  readonly stop?: StopReason;
  /** Counts and speed; on the last piece only. */
  readonly usage?: Usage;
  /** Whether the constraint holds for the text as a whole; on the last piece of a generation that has one. */
  readonly complete?: boolean;
}

/** What a generation needs of its session. */
export interface Generator {
  /** The logits to start from. */
  readonly logits: Float32Array;
  /** What was read to get them. */
  readonly prompt?: Timed | undefined;
  /** Takes the token in; returns the logits after it. */
  next(token: number): Promise<Float32Array>;
}

/**
 * Makes tokens until something ends it. Every token but the one that ends the text has been taken in when its piece
 * is given, so that the session can be saved or continued after any piece.
 */
export async function* generate(
  { logits, prompt = { tokens: 0, seconds: 0 }, next }: Generator,
  tokenizer: Tokenizer,
  options: GenerateOptions,
): AsyncGenerator<Piece, void, void> {
  const { maxTokens = 256, stop = [], signal } = options;
  const constraint = options.constraint && (await ownConstraint(options.constraint, tokenizer));
  const plain = samplerFor(options, tokenizer);
  const sample = constraint ? constrained(plain, constraint) : plain;
  const decoder = tokenizer.stream();
  const filter = new StopFilter(stop);
  let seconds = 0;
  for (let made = 1; made <= maxTokens; made++) {
    signal?.throwIfAborted();
    const start = performance.now();
    const lap = () => (seconds += (performance.now() - start) / 1000);
    const last = (stop: StopReason) => ({
      stop,
      ...(constraint && { complete: constraint.complete }),
      usage: usageOf(prompt, { tokens: made, seconds: lap() }),
    });
    const token = sample(logits, maxTokens - made + 1);
    const piece = { token, ...logprobsOf(logits, token, options) };
    if (token === tokenizer.endOfText) {
      const text = filter.push(decoder.flush()) + filter.rest();
      yield { ...piece, text, ...last(filter.found ? "stop" : "end") };
      return;
    }
    constraint?.accept(token);
    logits = await next(token);
    let text = filter.push(decoder.push(token));
    const reason = constraint?.finished ? "complete" : made === maxTokens ? "length" : undefined;
    if (!filter.found && reason) text += filter.push(decoder.flush()) + filter.rest();
    if (filter.found) return yield { ...piece, text, ...last("stop") };
    if (reason) return yield { ...piece, text, ...last(reason) };
    lap();
    yield { ...piece, text };
  }
}

/** A constraint that only this generation moves on. The code that reads schemas is loaded when there is one. */
async function ownConstraint(given: Constraint | ConstraintSource, tokenizer: Tokenizer): Promise<Constraint> {
  if (!("mask" in given)) return (await import("../constraint/index.ts")).createConstraint(tokenizer, given);
  if (given.finished) throw new RangeError('"constraint" expected one that text can follow, got one that is finished');
  return given.fork();
}

/** A sampler of the tokens that the constraint allows, of which `left` may still be made. The logits stay as they are. */
function constrained(sample: Sampler, constraint: Constraint): (logits: Float32Array, left: number) => number {
  let allowed = new Float32Array(0);
  return (logits, left) => {
    if (allowed.length !== logits.length) allowed = new Float32Array(logits.length);
    allowed.set(logits);
    constraint.mask(allowed, left);
    return sample(allowed);
  };
}

/** A sampler that knows the tokens which BlinkDL's rule does not count. */
function samplerFor(options: GenerateOptions, tokenizer: Tokenizer): Sampler {
  return createSampler({ ...options, penaltyExempt: options.penaltyExempt ?? exemptTokens(tokenizer) });
}

function logprobsOf(logits: Float32Array, token: number, { logprobs = false }: GenerateOptions) {
  if (logprobs === false) return {};
  const { logprob, topLogprobs } = logProbabilities(logits, token, logprobs === true ? 0 : logprobs);
  return typeof logprobs === "number" && logprobs > 0 ? { logprob, topLogprobs } : { logprob };
}

/**
 * @param vocabSize of the model, where it is known: the ids in the options must be below it
 * @throws TypeError or RangeError naming the option that is wrong
 */
export function checkGenerateOptions(options: GenerateOptions, vocabSize?: number): void {
  const { maxTokens = 256, stop = [], logprobs = false, guidance, constraint } = options;
  settle(options, vocabSize);
  if (guidance !== undefined) checkGuidance(guidance);
  if (constraint !== undefined && (typeof constraint !== "object" || constraint === null))
    throw new TypeError(`"constraint" expected an object such as { schema }, got ${constraint}`);
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    throw new RangeError(`"maxTokens" expected a whole number from 1 on, got ${maxTokens}`);
  if (!Array.isArray(stop) || stop.some((s) => typeof s !== "string" || s === ""))
    throw new TypeError(`"stop" expected an array of texts that are not empty, got ${JSON.stringify(stop)}`);
  if (typeof logprobs !== "boolean" && !(Number.isInteger(logprobs) && logprobs >= 0))
    throw new RangeError(`"logprobs" expected true, false or a whole number from 0 on, got ${logprobs}`);
}
