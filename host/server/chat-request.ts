import * as v from "valibot";
import { type Effort, THINK_BY_EFFORT } from "../chat/efforts.ts";
import type { ChatMessage, ChatOptions, ThinkMode } from "../chat/index.ts";
import type { Model } from "../model/model.ts";
import { constraintFields, constraintOf } from "./constraint-fields.ts";
import { badField } from "./errors.ts";
import { asChatMessage, messagesField, toolFields, toolOptions } from "./messages.ts";
import { samplingFields, samplingOptions } from "./sampling-fields.ts";
import { type StateUse, stateField, stateUse } from "./state-field.ts";

const count = v.pipe(v.number(), v.integer("a whole number"), v.minValue(1, "a whole number >= 1"));

export const EFFORTS = Object.keys(THINK_BY_EFFORT) as Effort[];

export const MAX_TOP_LOGPROBS = 20;

export const chatSchema = v.object({
  ...samplingFields,
  ...constraintFields,
  ...toolFields,
  messages: messagesField,
  model: v.optional(v.string()),
  max_tokens: v.optional(count),
  max_completion_tokens: v.optional(count),
  n: v.optional(count),
  logprobs: v.optional(v.boolean()),
  top_logprobs: v.optional(
    v.pipe(
      v.number(),
      v.integer("a whole number"),
      v.minValue(0, "0 to 20"),
      v.maxValue(MAX_TOP_LOGPROBS, "0 to 20"), //
    ),
  ),
  stream: v.optional(v.boolean()),
  stream_options: v.optional(v.object({ include_usage: v.nullish(v.boolean()) })),
  reasoning_effort: v.optional(v.picklist(EFFORTS)),
  chat_template_kwargs: v.optional(v.object({ enable_thinking: v.nullish(v.boolean()) })),
  question_first: v.optional(v.boolean()),
  read_twice: v.optional(v.boolean()),
  modalities: v.optional(v.array(v.literal("text"))),
  audio: v.optional(v.never("nothing: this server generates text")),
  state: stateField,
});

export type ChatRequest = v.InferOutput<typeof chatSchema>;

/** A request, in the library's terms. */
export interface ChatTask {
  readonly messages: readonly ChatMessage[];
  readonly options: ChatOptions;
  readonly texts: number;
  readonly state: StateUse;
}

/** Maximum texts per request, and tokens per text. */
export interface TaskLimits {
  readonly n: number;
  readonly maxTokens: number;
}

/** @throws HttpError 400; TypeError or RangeError for an option of the library */
export function chatTask(request: ChatRequest, model: Model, limits: TaskLimits): ChatTask {
  const { n = 1, top_logprobs: top, logprobs = false } = request;
  if (n > limits.n) throw badField("n", `"n" expected at most ${limits.n}, got ${n}.`);
  if (top !== undefined && !logprobs) throw badField("top_logprobs", '"top_logprobs" requires "logprobs": true.');
  const asked = request.max_completion_tokens ?? request.max_tokens ?? limits.maxTokens;
  const think = thinkMode(request);
  return {
    messages: request.messages.map(asChatMessage),
    options: {
      ...samplingOptions(request, model),
      ...toolOptions(request),
      constraint: constraintOf(request, model),
      maxTokens: Math.min(asked, limits.maxTokens),
      logprobs: logprobs && (top || true),
      ...(think && { think }),
      ...(request.question_first && { questionFirst: true }),
      ...(request.read_twice && { readTwice: true }),
    },
    texts: n,
    state: stateUse(request.state),
  };
}

function thinkMode({ reasoning_effort: effort, chat_template_kwargs: kwargs }: ChatRequest): ThinkMode | undefined {
  if (effort) return THINK_BY_EFFORT[effort];
  if (typeof kwargs?.enable_thinking !== "boolean") return undefined;
  return kwargs.enable_thinking ? "on" : "fake";
}
