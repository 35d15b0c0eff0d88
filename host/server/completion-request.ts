import * as v from "valibot";
import type { Model } from "../model/model.ts";
import { arrangePrompt } from "../prompt/arrange.ts";
import type { GenerateOptions } from "../session/session.ts";
import type { TaskLimits } from "./chat-request.ts";
import { constraintFields, constraintOf } from "./constraint-fields.ts";
import { badField } from "./errors.ts";
import { samplingFields, samplingOptions } from "./sampling-fields.ts";
import { type StateUse, stateField, stateUse } from "./state-field.ts";

const whole = v.pipe(v.number(), v.integer("a whole number"), v.minValue(0, "a whole number >= 0"));
const ids = v.array(whole);

export const completionSchema = v.object({
  ...samplingFields,
  ...constraintFields,
  prompt: v.optional(v.union([v.string(), v.array(v.string()), ids, v.array(ids)])),
  model: v.optional(v.string()),
  max_tokens: v.optional(whole),
  n: v.optional(v.pipe(whole, v.minValue(1, "a whole number >= 1"))),
  best_of: v.optional(whole),
  suffix: v.optional(v.string()),
  echo: v.optional(v.boolean()),
  logprobs: v.optional(v.pipe(whole, v.maxValue(5, "0 to 5"))),
  stream: v.optional(v.boolean()),
  stream_options: v.optional(v.object({ include_usage: v.nullish(v.boolean()) })),
  question_first: v.optional(v.boolean()),
  read_twice: v.optional(v.boolean()),
  state: stateField,
});

export type CompletionRequest = v.InferOutput<typeof completionSchema>;

export interface CompletionTask {
  /** Token ids of each prompt. */
  readonly prompts: readonly (readonly number[])[];
  /** Texts per prompt. */
  readonly n: number;
  readonly texts: number;
  readonly echo: boolean;
  readonly logprobs: number | undefined;
  readonly maxTokens: number;
  readonly options: GenerateOptions;
  readonly state: StateUse;
}

/** OpenAI's default. */
const DEFAULT_TOKENS = 16;

/** @throws HttpError 400; TypeError or RangeError for an option of the library */
export function completionTask(request: CompletionRequest, model: Model, limits: TaskLimits): CompletionTask {
  const { n = 1, best_of: bestOf = n, logprobs, max_tokens: asked = DEFAULT_TOKENS } = request;
  if (bestOf !== n) throw badField("best_of", `"best_of" expected the same as "n", ${n}: all texts are returned.`);
  if (request.suffix !== undefined)
    throw badField("suffix", '"suffix" is for fill-in-the-middle models: write the prompt of their training instead.');
  const state = stateUse(request.state);
  const prompts = promptsOf(request, model, state.from !== undefined);
  if (prompts.length * n > limits.n)
    throw badField("n", `The request asks for ${prompts.length * n} texts; the limit is ${limits.n} at once.`);
  if (state.from !== undefined && prompts.length > 1) throw badField("state", '"state" requires a single prompt.');
  const constraint = constraintOf(request, model);
  return {
    prompts,
    n,
    texts: prompts.length * n,
    echo: request.echo ?? false,
    logprobs,
    maxTokens: Math.min(asked, limits.maxTokens),
    options: { ...samplingOptions(request, model), constraint, logprobs: logprobs ?? false },
    state,
  };
}

/** @param goesOn whether there is a state, which a text may continue without a prompt */
function promptsOf(request: CompletionRequest, model: Model, goesOn: boolean): number[][] {
  const { prompt = "", question_first: questionFirst, read_twice: readTwice } = request;
  const arrangement = { questionFirst, readTwice };
  const list = typeof prompt === "string" || typeof prompt[0] === "number" ? [prompt] : prompt;
  if (list.length === 0) throw badField("prompt", '"prompt" expected a text or tokens, got an empty array.');
  const { vocabSize } = model.info;
  return (list as (string | number[])[]).map((each) => {
    const tokens = typeof each === "string" ? model.tokenizer.encode(arrangePrompt(each, arrangement)) : each;
    const wrong = tokens.find((id) => id >= vocabSize);
    if (wrong !== undefined)
      throw badField("prompt", `"prompt" expected ids from 0 to ${vocabSize - 1}, got ${wrong}.`);
    return tokens.length > 0 || goesOn ? tokens : [model.tokenizer.endOfText ?? 0];
  });
}
