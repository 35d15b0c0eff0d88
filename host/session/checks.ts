import { checkNames, kindOf } from "../options/names.ts";
import { resolveOptions } from "../sampling/settings.ts";
import type { DecodeOptions } from "./generate.ts";

/**
 * @param vocabSize limit for ids in the options, if known
 * @throws TypeError or RangeError naming the wrong option
 */
export function checkGenerateOptions(options: DecodeOptions & { guidance?: unknown }, vocabSize?: number): void {
  const { maxTokens = 256, stop = [], logprobs = false, constraint, guidance, draft } = options;
  resolveOptions(options, vocabSize);
  if (draft !== undefined && draft !== "lookup")
    throw new RangeError(`"draft" expected "lookup", got ${JSON.stringify(draft)}`);
  if (guidance !== undefined) checkGuidance(guidance);
  if (constraint !== undefined && (typeof constraint !== "object" || constraint === null))
    throw new TypeError(`"constraint" expected an object such as { schema }, got ${constraint}`);
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    throw new RangeError(`"maxTokens" expected a whole number >= 1, got ${maxTokens}`);
  if (!Array.isArray(stop) || stop.some((s) => typeof s !== "string" || s === ""))
    throw new TypeError(`"stop" expected an array of non-empty strings, got ${JSON.stringify(stop)}`);
  if (typeof logprobs !== "boolean" && !(Number.isInteger(logprobs) && logprobs >= 0))
    throw new RangeError(`"logprobs" expected true, false or a whole number >= 0, got ${logprobs}`);
}

/** Beyond, logits would overflow. */
const MAX_SCALE = 1e6;

const GUIDANCE = { scale: true, prompt: true, session: true } as const;

function checkGuidance(guidance: unknown): void {
  if (typeof guidance !== "object" || guidance === null)
    throw new TypeError(`"guidance" expected an object with scale and prompt or session, got ${guidance}`);
  checkNames(guidance, GUIDANCE, "guidance");
  const { scale, prompt, session } = guidance as Record<string, unknown>;
  if (typeof scale !== "number") throw new TypeError(`"guidance" expected a number as scale, got ${typeof scale}`);
  if (!(Math.abs(scale) <= MAX_SCALE))
    throw new RangeError(`"guidance" expected a scale from -${MAX_SCALE} to ${MAX_SCALE}, got ${scale}`);
  if ((prompt === undefined) === (session === undefined))
    throw new TypeError(`"guidance" expected a prompt or a session, got ${session ? "both" : "neither"}`);
}

/** @returns the ids as an array. @throws TypeError or RangeError naming the argument */
export function checkTokens(tokens: Iterable<number>, name: string, vocabSize: number): number[] {
  if (typeof tokens?.[Symbol.iterator] !== "function")
    throw new TypeError(`"${name}" expected ids, got ${kindOf(tokens)}`);
  const ids = [...tokens];
  for (const id of ids) {
    if (typeof id !== "number") throw new TypeError(`"${name}" expected numbers, got ${typeof id}`);
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
      throw new RangeError(`"${name}" expected ids from 0 to ${vocabSize - 1}, got ${id}`);
  }
  return ids;
}

/** @throws TypeError or RangeError */
export function checkInto(into: Float32Array, vocabSize: number): void {
  if (!(into instanceof Float32Array)) throw new TypeError(`"into" expected a Float32Array, got ${kindOf(into)}`);
  if (into.length !== vocabSize)
    throw new RangeError(`"into" expected an array of ${vocabSize} values, got one of ${into.length}`);
}
