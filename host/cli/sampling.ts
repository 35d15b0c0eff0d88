import { type Command, InvalidArgumentError } from "commander";
import { PRESETS, type Preset, type SamplerOptions } from "../sampling/index.ts";
import type { GenerateOptions } from "../session/session.ts";
import { UsageError } from "./failure.ts";
import { number, tokenIds, unescaped } from "./parse.ts";

/** How tokens are drawn: the library's options under the names that commander gives them. */
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
    .option("--preset <name>", `settings of ${Object.keys(PRESETS).join(", ")}; the options below change them`)
    .option("-t, --temperature <x>", "0: always the likeliest token; above 1: more surprising; default: 1", number)
    .option("--top-p <x>", "keep the likeliest tokens of this probability together; default: 0.5", number)
    .option("--top-k <n>", "keep at most this many tokens; default: no limit", number)
    .option("--min-p <x>", "keep tokens of at least this share of the highest probability; default: 0", number)
    .option("--top-a <x>", "keep tokens of at least this share of its square; default: 0", number)
    .option("--typical <x>", "keep the tokens of usual surprise that have this probability; default: 1, all", number)
    .option("--mirostat-tau <bits>", "mirostat 2 instead of the five above: surprise to aim at, such as 5", number)
    .option("--mirostat-eta <x>", "how fast mirostat corrects itself; default: 0.1", number)
    .option("--presence-penalty <x>", "taken from the logit of every token drawn before; default: 0", number)
    .option("--frequency-penalty <x>", "taken from it as often as it was drawn; default: 0", number)
    .option("--repetition-penalty <x>", "divides its logit, or multiplies it below 0; default: 1", number)
    .option("--penalty-decay <x>", "what the counts are multiplied with after each token; default: 0.996", number)
    .option("--penalty-exempt <ids>", "tokens not counted; default: digits, space, tab", tokenIds)
    .option("--logit-bias <id:x>", "add x to a token's logit; may be given several times", logitBias)
    .option("--banned-tokens <ids>", "tokens that never come", tokenIds)
    .option("--guidance-prompt <text>", "draw away from what would follow this text")
    .option("--guidance-scale <x>", "by how much: 1 not at all, 1.5 is a usual value", number)
    .option("--seed <n>", "the same seed gives the same text on every machine; default: a random one", number);
}

/** @throws UsageError */
export function samplerOptions(
  options: SamplingOptions & { escapes?: boolean },
): SamplerOptions & Pick<GenerateOptions, "guidance"> {
  const { guidancePrompt, guidanceScale, ...sampler } = options;
  if (guidancePrompt === undefined && guidanceScale === undefined) return sampler;
  if (guidancePrompt === undefined || guidanceScale === undefined)
    throw new UsageError("--guidance-prompt and --guidance-scale go together.");
  if (guidancePrompt === "") throw new UsageError("--guidance-prompt is empty: give the text to draw away from.");
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
