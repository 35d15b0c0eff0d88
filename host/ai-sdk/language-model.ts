import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3Content,
  LanguageModelV3GenerateResult,
  LanguageModelV3StreamPart,
  SharedV3Warning,
} from "@ai-sdk/provider";
import { type ChatOptions, type ChatTemplate, chat, chooseTemplate, encodePrompt } from "../chat/index.ts";
import type { Model } from "../model/model.ts";
import { checkNames } from "../options/names.ts";
import { answerOptions } from "./options.ts";
import { messagesOf } from "./prompt.ts";
import { partsOf } from "./stream.ts";

export interface WkvSettings extends Pick<ChatOptions, "think" | "preset"> {
  /** How messages become prompts. Default: the model file's template. */
  template?: string | ChatTemplate;
}

/**
 * A language model for the AI SDK, specification v3. wkv's options go under `providerOptions.wkv`.
 * @param model the caller disposes of it
 * @example
 * const prompt = [{ role: "user", content: [{ type: "text", text: "Why is the sky blue?" }] }];
 * const { content } = await wkv(model).doGenerate({ prompt, maxOutputTokens: 5 }); // generateText() of "ai" calls this
 * console.log(content);
 */
export function wkv(model: Model, settings: WkvSettings = {}): LanguageModelV3 {
  checkNames(settings, { think: true, preset: true, template: true }, "wkv");
  return {
    specificationVersion: "v3",
    provider: "wkv",
    modelId: model.info.name,
    supportedUrls: {},
    async doGenerate(call) {
      const warnings: SharedV3Warning[] = [];
      return { ...(await fold(await answer(model, settings, call, warnings))), warnings };
    },
    async doStream(call) {
      const warnings: SharedV3Warning[] = [];
      const parts = await answer(model, settings, call, warnings);
      return { stream: streamOf(parts, warnings, model.info.name) };
    },
  };
}

/** @throws the errors of `chat` for wrong messages and options */
async function answer(
  model: Model,
  settings: WkvSettings,
  call: LanguageModelV3CallOptions,
  warnings: SharedV3Warning[],
): Promise<AsyncGenerator<LanguageModelV3StreamPart, void, void>> {
  const messages = messagesOf(call.prompt, warnings);
  const template = await chooseTemplate(model, settings.template);
  const given = Object.entries(answerOptions(call, warnings)).filter(([, value]) => value !== undefined);
  const options: ChatOptions = { ...settings, ...Object.fromEntries(given), template };
  const promptTokens = () => {
    const { history, opening } = template.prompt(messages, options);
    return encodePrompt(model.tokenizer, history + opening).length;
  };
  return partsOf(chat(model, messages, options), promptTokens);
}

/** A stream that ends the answer when its reader leaves. */
function streamOf(
  parts: AsyncGenerator<LanguageModelV3StreamPart, void, void>,
  warnings: SharedV3Warning[],
  modelId: string,
): ReadableStream<LanguageModelV3StreamPart> {
  return new ReadableStream<LanguageModelV3StreamPart>({
    start(controller) {
      controller.enqueue({ type: "stream-start", warnings });
      controller.enqueue({ type: "response-metadata", modelId, timestamp: new Date() });
    },
    async pull(controller) {
      try {
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.enqueue({ type: "error", error });
        controller.close();
      }
    },
    async cancel() {
      await parts.return();
    },
  });
}

/** The whole answer, folded from its parts. */
async function fold(
  parts: AsyncIterable<LanguageModelV3StreamPart>,
): Promise<Omit<LanguageModelV3GenerateResult, "warnings">> {
  const content: LanguageModelV3Content[] = [];
  for await (const part of parts) {
    if (part.type === "text-start" || part.type === "reasoning-start")
      content.push({ type: part.type === "text-start" ? "text" : "reasoning", text: "" });
    else if (part.type === "text-delta" || part.type === "reasoning-delta") {
      const last = content.at(-1) as { type: "text" | "reasoning"; text: string };
      content.splice(-1, 1, { ...last, text: last.text + part.delta });
    } else if (part.type === "tool-call") content.push(part);
    else if (part.type === "finish") return { content, finishReason: part.finishReason, usage: part.usage };
  }
  throw new Error("The answer ended without an end."); // partsOf always ends with a finish
}
