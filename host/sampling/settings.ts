import { PRESETS, type SamplerOptions, type TokenIds } from "./options.ts";
import { randomSeed } from "./random.ts";

/** Valid values of a numeric option. */
interface Range {
  readonly otherwise: number;
  readonly holds: (value: number) => boolean;
  readonly expected: string;
}

const share = (otherwise: number): Range => ({
  otherwise,
  holds: (x) => x >= 0 && x <= 1,
  expected: "a number from 0 to 1",
});
const positive = (otherwise: number): Range => ({
  otherwise,
  holds: (x) => x > 0 && x < Infinity,
  expected: "a number above 0",
});
const finite: Range = { otherwise: 0, holds: Number.isFinite, expected: "a finite number" };
const whole = (otherwise: number): Range => ({
  otherwise,
  holds: (x) => Number.isSafeInteger(x) && x >= 0,
  expected: "a whole number >= 0",
});

const RANGES = {
  temperature: { otherwise: 1, holds: (x) => x >= 0 && x < Infinity, expected: "a number >= 0" },
  topP: share(0.5),
  topK: whole(0),
  minP: share(0),
  topA: share(0),
  typical: { otherwise: 1, holds: (x) => x > 0 && x <= 1, expected: "a number above 0 and at most 1" },
  mirostatTau: positive(Number.NaN),
  mirostatEta: positive(0.1),
  presencePenalty: finite,
  frequencyPenalty: finite,
  repetitionPenalty: positive(1),
  penaltyDecay: share(0.996),
  seed: whole(Number.NaN),
} satisfies Record<string, Range>;

/** All options, validated, with defaults applied. */
export interface Settings extends Readonly<Record<keyof typeof RANGES, number>> {
  /** In bits; NaN: mirostat is off. */
  readonly mirostatTau: number;
  readonly penaltyExempt: ReadonlySet<number>;
  readonly penaltyHistory: readonly number[];
  readonly bannedTokens: readonly number[];
  readonly logitBias: readonly [id: number, bias: number][];
  readonly logitsProcessor: SamplerOptions["logitsProcessor"];
}

/**
 * @param vocabSize limit for ids, if known
 * @throws TypeError or RangeError naming the invalid option
 */
export function resolveOptions(options: SamplerOptions, vocabSize = Infinity): Settings {
  const given = withPreset(options);
  checkMirostat(given);
  const names = Object.keys(RANGES) as (keyof typeof RANGES)[];
  const numbers = Object.fromEntries(names.map((name) => [name, numberOf(name, given[name])]));
  const { logitsProcessor, penaltyExempt = [], penaltyHistory = [], bannedTokens = [], logitBias = {} } = given;
  if (logitsProcessor !== undefined && typeof logitsProcessor !== "function")
    throw new TypeError(`"logitsProcessor" expected a function, got ${typeof logitsProcessor}`);
  return {
    ...(numbers as Record<keyof typeof RANGES, number>),
    ...(given.seed === undefined && { seed: randomSeed() }),
    penaltyExempt: new Set(idsOf("penaltyExempt", penaltyExempt, vocabSize)),
    penaltyHistory: idsOf("penaltyHistory", penaltyHistory, vocabSize),
    bannedTokens: idsOf("bannedTokens", bannedTokens, vocabSize),
    logitBias: biases(logitBias, vocabSize),
    logitsProcessor,
  };
}

function numberOf(name: keyof typeof RANGES, value: number | undefined): number {
  const { otherwise, holds, expected }: Range = RANGES[name];
  if (value === undefined) return otherwise;
  if (typeof value !== "number") throw new TypeError(`"${name}" expected ${expected}, got ${typeof value}`);
  if (!holds(value)) throw new RangeError(`"${name}" expected ${expected}, got ${value}`);
  return value;
}

/** The preset's options, overridden by the given ones. */
function withPreset({ preset, ...options }: SamplerOptions): SamplerOptions {
  if (preset === undefined) return options;
  if (!Object.hasOwn(PRESETS, preset))
    throw new RangeError(`"preset" expected one of ${Object.keys(PRESETS).join(", ")}, got ${preset}`);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...PRESETS[preset], ...Object.fromEntries(given) };
}

/** Mirostat decides how much to keep. */
function checkMirostat(options: SamplerOptions): void {
  const { mirostatTau, mirostatEta, temperature, topP, topK, minP, topA, typical } = options;
  if (mirostatTau === undefined) {
    if (mirostatEta !== undefined) throw new RangeError(`"mirostatEta" expected "mirostatTau" beside it, got none`);
    return;
  }
  for (const [name, value] of Object.entries({ topP, topK, minP, topA, typical }))
    if (value !== undefined)
      throw new RangeError(`"${name}" expected to be omitted with mirostat, which replaces it, got ${value}`);
  if (temperature === 0) throw new RangeError(`"temperature" expected a number above 0 with mirostat, got 0`);
}

function idsOf(name: string, ids: TokenIds, vocabSize: number): number[] {
  if (!Array.isArray(ids) && !(ids instanceof Set) && !ArrayBuffer.isView(ids))
    throw new TypeError(`"${name}" expected an array or set of token ids, got ${typeof ids}`);
  return Array.from(ids, (id) => checkedId(name, id, vocabSize));
}

function checkedId(name: string, id: number, vocabSize: number): number {
  if (typeof id !== "number") throw new TypeError(`"${name}" expected numbers, got ${typeof id}`);
  if (Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
  throw new RangeError(
    `"${name}" expected ids from 0 ${vocabSize < Infinity ? `to ${vocabSize - 1}` : "up"}, got ${id}`,
  );
}

function biases(logitBias: Readonly<Record<number, number>>, vocabSize: number): [id: number, bias: number][] {
  if (typeof logitBias !== "object" || logitBias === null)
    throw new TypeError(`"logitBias" expected an object of ids and numbers, got ${logitBias}`);
  return Object.entries(logitBias).map(([id, bias]) => {
    if (typeof bias !== "number") throw new TypeError(`"logitBias" expected numbers, got ${typeof bias}`);
    if (!(bias < Infinity)) throw new RangeError(`"logitBias" expected numbers below infinity, got ${bias}`);
    return [checkedId("logitBias", /^\d+$/.test(id) ? Number(id) : Number.NaN, vocabSize), bias];
  });
}
