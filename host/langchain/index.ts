/** A local chat model for LangChain.js: `import { ChatWkv } from "wkv/langchain"`. */

import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import type { BaseLanguageModelInput } from "@langchain/core/language_models/base";
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
  type BindToolsInput,
} from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import type { Runnable } from "@langchain/core/runnables";
import { convertToOpenAITool } from "@langchain/core/utils/function_calling";
import { type ChatOptions, type ChatPiece, chat, type Tool } from "../chat/index.ts";
import { CHAT_OPTIONS } from "../chat/options.ts";
import type { Model } from "../model/model.ts";
import { only } from "../options/names.ts";
import { asChatMessage } from "./messages.ts";

/** LangChain's call options, and wkv's under their own names. */
export interface ChatWkvCallOptions
  extends BaseChatModelCallOptions,
    Omit<ChatOptions, "signal" | "stop" | "system" | "messages"> {}

export interface ChatWkvFields extends BaseChatModelParams, Omit<ChatOptions, "system" | "messages" | "signal"> {
  /** The caller disposes of it. */
  model: Model;
}

/**
 * @example
 * const llm = new ChatWkv({ model, temperature: 0.7, maxTokens: 5 });
 * console.log((await llm.invoke("Why is the sky blue?")).text);
 */
export class ChatWkv extends BaseChatModel<ChatWkvCallOptions> {
  readonly #fields: ChatWkvFields;

  constructor(fields: ChatWkvFields) {
    super(fields);
    this.#fields = fields;
  }

  override _llmType(): string {
    return "wkv";
  }

  override bindTools(
    tools: BindToolsInput[],
    options: Partial<ChatWkvCallOptions> = {},
  ): Runnable<BaseLanguageModelInput, AIMessageChunk, ChatWkvCallOptions> {
    const given = tools.map((tool) => convertToOpenAITool(tool) as Tool);
    return this.withConfig({ ...options, tools: given });
  }

  /** Like LangChain's, but the call is required: any other answer would be an error. */
  // biome-ignore lint/suspicious/noExplicitAny: LangChain's overloads have no common type
  override withStructuredOutput(schema: any, config?: any): any {
    const forced = new ChatWkv({ ...this.#fields, toolChoice: "required" });
    return super.withStructuredOutput.call(forced, schema, config);
  }

  override async _generate(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): Promise<ChatResult> {
    let whole: ChatGenerationChunk | undefined;
    for await (const chunk of this._streamResponseChunks(messages, options, runManager))
      whole = whole ? whole.concat(chunk) : chunk;
    return { generations: [whole!] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const { model, ...fields } = this.#fields;
    const answer = chat(model, messages.map(asChatMessage), answerOptions(fields, options));
    for await (const piece of answer) {
      const chunk = chunkOf(piece);
      if (!chunk) continue;
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text);
    }
  }
}

/** The call's options override the model's; LangChain's other fields mean nothing to `chat`. */
function answerOptions(fields: Omit<ChatWkvFields, "model">, options: ChatWkvCallOptions): ChatOptions {
  const given = Object.entries({ ...options, toolChoice: options.toolChoice ?? toolChoiceOf(options) });
  const set = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return only<ChatOptions>({ ...fields, ...set }, CHAT_OPTIONS);
}

/** LangChain's tool choice: "any" for "required", and a tool's name alone. */
function toolChoiceOf({ tool_choice: choice }: ChatWkvCallOptions): ChatOptions["toolChoice"] {
  if (choice === undefined || choice === "auto" || choice === "none" || choice === "required") return choice;
  if (choice === "any") return "required";
  if (typeof choice === "string") return { type: "function", function: { name: choice } };
  return choice as ChatOptions["toolChoice"];
}

/** @returns undefined for a piece in which nothing became certain */
function chunkOf({ text, thinking, stop, toolCalls = [], usage }: ChatPiece): ChatGenerationChunk | undefined {
  if (!text && !thinking && !stop) return undefined;
  const message = new AIMessageChunk({
    content: text,
    ...(thinking && { additional_kwargs: { reasoning_content: thinking } }),
    tool_call_chunks: toolCalls.map(({ id, function: { name, arguments: args } }, index) => {
      return { type: "tool_call_chunk" as const, index, id, name, args };
    }),
    ...(stop && { response_metadata: { finish_reason: stop } }),
    ...(usage && { usage_metadata: usageOf(usage.promptTokens, usage.completionTokens) }),
  });
  return new ChatGenerationChunk({ text, message });
}

function usageOf(input: number, output: number) {
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}
