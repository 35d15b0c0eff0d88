import * as v from "valibot";
import type { Model } from "../model/model.ts";
import { PRESETS, type Preset } from "../sampling/index.ts";
import type { GenerateOptions } from "../session/session.ts";
import { badField } from "./errors.ts";

/** The library's options under the names of OpenAI, llama.cpp and vLLM. The library checks their ranges. */
const NUMBERS = {
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  min_p: "minP",
  top_a: "topA",
  typical_p: "typical",
  mirostat_tau: "mirostatTau",
  mirostat_eta: "mirostatEta",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  repetition_penalty: "repetitionPenalty",
  repeat_penalty: "repetitionPenalty",
  penalty_decay: "penaltyDecay",
  seed: "seed",
} as const satisfies Record<string, keyof GenerateOptions>;

type NumberField = keyof typeof NUMBERS;

const numberFields = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, v.optional(v.number())])) as Record<
  NumberField,
  v.OptionalSchema<v.NumberSchema<undefined>, undefined>
>;

/** More stop texts would cost time at every token. */
const MAX_STOPS = 16;
const MAX_BIASES = 1024;

const preset = v.picklist(Object.keys(PRESETS) as Preset[]);

/** The request fields for sampling. */
export const samplingFields = {
  ...numberFields,
  preset: v.optional(preset),
  mirostat: v.optional(v.picklist([0, 2])),
  stop: v.optional(v.union([v.string(), v.pipe(v.array(v.string()), v.maxLength(MAX_STOPS, "at most 16 texts"))])),
  logit_bias: v.optional(
    v.pipe(
      v.record(v.string(), v.number()),
      v.maxEntries(MAX_BIASES, `at most ${MAX_BIASES} ids`), //
    ),
  ),
  ignore_eos: v.optional(v.boolean()),
  draft: v.optional(v.literal("lookup")),
  guidance_prompt: v.optional(v.string()),
  guidance_scale: v.optional(v.number()),
};

const samplingSchema = v.object(samplingFields);
export type SamplingRequest = v.InferOutput<typeof samplingSchema>;

/** The library's option name → the request's. */
export const FIELD_NAMES: ReadonlyMap<string, string> = new Map([
  ...Object.entries(NUMBERS).map(([field, option]) => [option, field] as const),
  ["maxTokens", "max_tokens"],
  ["logitBias", "logit_bias"],
  ["toolChoice", "tool_choice"],
  ["constraint", "response_format"],
]);

export function samplingOptions(request: SamplingRequest, model: Model): GenerateOptions {
  const options: Record<string, unknown> = {};
  for (const [field, option] of Object.entries(NUMBERS))
    if (request[field as NumberField] !== undefined) options[option] = request[field as NumberField];
  if (options.topK === -1) options.topK = 0; // vLLM's "all"
  const { endOfText } = model.tokenizer;
  return {
    ...withMirostat(options, request.mirostat),
    ...(request.preset && { preset: request.preset }),
    stop: stopsOf(request),
    ...(request.logit_bias && { logitBias: request.logit_bias }),
    draft: request.draft,
    ...(request.ignore_eos && endOfText !== undefined && { bannedTokens: [endOfText] }),
    ...guidance(request),
  };
}

function stopsOf({ stop = [] }: SamplingRequest): string[] {
  return typeof stop === "string" ? [stop] : stop;
}

/** llama.cpp's programs send its settings with `mirostat: 0`, which turns it off. */
function withMirostat(options: Record<string, unknown>, mirostat: 0 | 2 | undefined): GenerateOptions {
  const { mirostatTau, mirostatEta, ...others } = options as GenerateOptions;
  if (mirostat === 0) return others;
  if (mirostat === undefined) return options as GenerateOptions;
  const { temperature, ...rest } = others;
  for (const name of ["topP", "topK", "minP", "topA", "typical"] as const) delete rest[name];
  return { ...rest, ...(temperature !== undefined && { temperature }), mirostatTau: mirostatTau ?? 5, mirostatEta };
}

function guidance({ guidance_prompt: prompt, guidance_scale: scale }: SamplingRequest): GenerateOptions {
  if (prompt === undefined && scale === undefined) return {};
  if (!prompt || scale === undefined)
    throw badField(
      "guidance_prompt",
      '"guidance_prompt" and "guidance_scale" must be given together, and not be empty.',
    );
  return { guidance: { prompt, scale } };
}
