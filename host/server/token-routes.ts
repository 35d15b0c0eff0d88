import * as v from "valibot";
import { encodePrompt } from "../chat/index.ts";
import type { Model } from "../model/model.ts";
import { readBody } from "./body.ts";
import type { App, ServerContext } from "./context.ts";
import { badField } from "./errors.ts";
import { asChatMessage, messagesField, toolFields, toolOptions } from "./messages.ts";
import type { ServedModel } from "./models.ts";

const model = v.optional(v.string());
const templateSchema = v.object({ model, messages: messagesField, ...toolFields });

/** llama.cpp's `content`, vLLM's `prompt` or `messages`. */
const tokenizeSchema = v.object({
  model,
  content: v.optional(v.string()),
  prompt: v.optional(v.string()),
  messages: v.optional(messagesField),
  with_pieces: v.optional(v.boolean()),
});

const detokenizeSchema = v.object({ model, tokens: v.array(v.pipe(v.number(), v.integer("whole numbers"))) });

export function addTokenRoutes(app: App, { models }: ServerContext): void {
  app.post("/tokenize", async (call) => {
    const request = await readBody(call.req.raw, tokenizeSchema);
    const served = models.get(request.model);
    const ids = await idsOf(served, request);
    const tokens = request.with_pieces ? ids.map((id) => ({ id, piece: pieceOf(served.model, id) })) : ids;
    return call.json({ tokens, count: ids.length });
  });

  app.post("/detokenize", async (call) => {
    const request = await readBody(call.req.raw, detokenizeSchema);
    const content = models.get(request.model).model.tokenizer.decode(request.tokens);
    return call.json({ content, prompt: content });
  });

  app.post("/apply-template", async (call) => {
    const request = await readBody(call.req.raw, templateSchema);
    return call.json({ prompt: await promptOf(models.get(request.model), request) });
  });

  app.post("/v1/chat/completions/input_tokens", async (call) => {
    const request = await readBody(call.req.raw, templateSchema);
    const served = models.get(request.model);
    const count = encodePrompt(served.model.tokenizer, await promptOf(served, request)).length;
    return call.json({ object: "response.input_tokens", input_tokens: count });
  });
}

async function idsOf(served: ServedModel, request: v.InferOutput<typeof tokenizeSchema>): Promise<number[]> {
  const text = request.content ?? request.prompt;
  const { tokenizer } = served.model;
  if (text !== undefined) return tokenizer.encode(text);
  if (!request.messages) throw badField("content", '"content" expected a text, or "messages" instead, got neither.');
  return encodePrompt(tokenizer, await promptOf(served, { messages: request.messages }));
}

/** The text of a token, or its bytes if they are not valid text on their own. */
function pieceOf({ tokenizer }: Model, id: number): string | number[] {
  const bytes = tokenizer.tokenBytes(id);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return [...bytes];
  }
}

async function promptOf(served: ServedModel, request: v.InferOutput<typeof templateSchema>): Promise<string> {
  const template = await served.template();
  const { history, opening } = template.prompt(request.messages.map(asChatMessage), toolOptions(request));
  return history + opening;
}
