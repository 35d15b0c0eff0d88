import type { AnswerHead, FinishReason } from "../chat-chunks.ts";
import type { UsageAnswer } from "../usage.ts";
import type { ResponseRequest } from "./request.ts";

type ItemStatus = "in_progress" | "completed" | "incomplete";

export interface TextPart {
  readonly type: "output_text";
  readonly text: string;
  readonly annotations: readonly never[];
  readonly logprobs: readonly never[];
}

export interface MessageItem {
  readonly type: "message";
  readonly id: string;
  readonly role: "assistant";
  readonly status: ItemStatus;
  readonly content: readonly TextPart[];
}

export interface ReasoningItem {
  readonly type: "reasoning";
  readonly id: string;
  readonly summary: readonly never[];
  readonly content: readonly { readonly type: "reasoning_text"; readonly text: string }[];
  readonly status: ItemStatus;
}

export interface CallItem {
  readonly type: "function_call";
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  readonly arguments: string;
  readonly status: ItemStatus;
}

export type OutputItem = MessageItem | ReasoningItem | CallItem;

/** Where a response is, as its events and the whole answer show it. */
export interface Progress {
  readonly status: "in_progress" | "completed" | "incomplete";
  readonly output: readonly OutputItem[];
  readonly reason?: FinishReason | undefined;
  readonly usage?: UsageAnswer | null;
}

export type ResponseObject = ReturnType<typeof responseObject>;

/** OpenAI's response. Fields of the request that the server does not use have OpenAI's defaults. */
export function responseObject(request: ResponseRequest, head: AnswerHead, { status, output, usage }: Progress) {
  return {
    id: head.id,
    object: "response" as const,
    created_at: head.created,
    status,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" as const } : null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: {},
    model: head.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: request.previous_response_id ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    store: request.store ?? true,
    temperature: request.temperature ?? null,
    text: { format: request.text?.format ?? { type: "text" as const } },
    tool_choice: request.tool_choice ?? ("auto" as const),
    tools: request.tools ?? [],
    top_p: request.top_p ?? null,
    truncation: "disabled" as const,
    usage: usage ? usageOf(usage) : null,
  };
}

function usageOf(usage: UsageAnswer) {
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { cached_tokens: usage.prompt_tokens_details.cached_tokens },
    output_tokens: usage.completion_tokens,
    output_tokens_details: { reasoning_tokens: usage.completion_tokens_details.reasoning_tokens },
    total_tokens: usage.total_tokens,
  };
}
