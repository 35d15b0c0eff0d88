import { type Command, InvalidArgumentError } from "commander";
import { only } from "../options/names.ts";
import { PRESETS, type Preset, SAMPLER_OPTIONS, type SamplerOptions } from "../sampling/options.ts";
import type { GenerateOptions } from "../session/session.ts";
import { UsageError } from "./failure.ts";
import { number, tokenIds, unescaped } from "./parse.ts";

/** Sampling options: the library's, under commander's names. */
export interface SamplingOptions {
  preset?: Preset;
  temperature?: number;
  topP?: number;
  topK?: number;
  minP?: number;
  topA?: number;
  typical?: number;
  mirostatTau?: number;
  mirostatEta?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  repetitionPenalty?: number;
  penaltyDecay?: number;
  penaltyExempt?: number[];
  logitBias?: Record<number, number>;
  bannedTokens?: number[];
  guidancePrompt?: string;
  guidanceScale?: number;
  seed?: number;
}

export function addSamplingOptions(command: Command): Command {
  return command
    .option("--preset <name>", `settings of ${Object.keys(PRESETS).join(", ")}; the options below override them`)
    .option("-t, --temperature <x>", "0: always the likeliest token; higher: more random; default: 1", number)
    .option("--top-p <x>", "keep the likeliest tokens that add up to this probability; default: 0.5", number)
    .option("--top-k <n>", "keep at most this many tokens; default: no limit", number)
    .option("--min-p <x>", "keep tokens with at least this share of the highest probability; default: 0", number)
    .option("--top-a <x>", "keep tokens with at least this share of its square; default: 0", number)
    .option("--typical <x>", "keep the tokens of average surprise that add up to this; default: 1, all", number)
    .option("--mirostat-tau <bits>", "mirostat 2 instead of the five above: target surprise, such as 5", number)
    .option("--mirostat-eta <x>", "mirostat's learning rate; default: 0.1", number)
    .option("--presence-penalty <x>", "subtracted from the logit of every token drawn before; default: 0", number)
    .option("--frequency-penalty <x>", "subtracted from it once per draw; default: 0", number)
    .option("--repetition-penalty <x>", "divides its logit, or multiplies it below 0; default: 1", number)
    .option("--penalty-decay <x>", "factor for the counts after each token; default: 0.996", number)
    .option("--penalty-exempt <ids>", "tokens not counted; default: digits, space, tab", tokenIds)
    .option("--logit-bias <id:x>", "add x to a token's logit; may be given several times", logitBias)
    .option("--banned-tokens <ids>", "tokens that are never drawn", tokenIds)
    .option("--guidance-prompt <text>", "move away from what would follow this text")
    .option("--guidance-scale <x>", "by how much: 1 not at all, 1.5 is a common value", number)
    .option("--seed <n>", "the same seed gives the same text on every machine; default: a random one", number);
}

/** @throws UsageError */
export function samplerOptions(
  options: SamplingOptions & { escapes?: boolean },
): SamplerOptions & Pick<GenerateOptions, "guidance"> {
  const { guidancePrompt, guidanceScale } = options;
  const sampler = only<SamplerOptions>(options, SAMPLER_OPTIONS);
  if (guidancePrompt === undefined && guidanceScale === undefined) return sampler;
  if (guidancePrompt === undefined || guidanceScale === undefined)
    throw new UsageError("--guidance-prompt and --guidance-scale must be given together.");
  if (guidancePrompt === "") throw new UsageError("--guidance-prompt is empty: give the text to move away from.");
  const prompt = options.escapes ? unescaped(guidancePrompt) : guidancePrompt;
  return { ...sampler, guidance: { prompt, scale: guidanceScale } };
}

/** `65=-2.5` or `65:-2.5` */
function logitBias(text: string, before: Record<number, number> = {}): Record<number, number> {
  const [, id, bias] = /^(\d{1,10})[:=](.+)$/.exec(text) ?? [];
  if (id === undefined || bias === undefined)
    throw new InvalidArgumentError(`Expected a token id and a number such as 65:-2.5, got "${text}".`);
  return { ...before, [id]: number(bias) };
}
