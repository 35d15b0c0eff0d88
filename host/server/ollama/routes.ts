import { answer, type TextRoute } from "../answering.ts";
import { readBody } from "../body.ts";
import { type PreparedChat, prepareChat } from "../chat-answer.ts";
import { type ChatChunk, chatChunks } from "../chat-chunks.ts";
import { type ChatRequest, type ChatTask, chatTask } from "../chat-request.ts";
import { type PreparedCompletion, prepareCompletion } from "../completion-answer.ts";
import { type Completion, completionChunks } from "../completion-chunks.ts";
import { type CompletionTask, completionTask } from "../completion-request.ts";
import type { App, RequestContext, ServerContext } from "../context.ts";
import type { HttpError } from "../errors.ts";
import type { ServedModel } from "../models.ts";
import {
  chatOf,
  chatOfText,
  fieldsOf,
  type OllamaChatRequest,
  type OllamaTextRequest,
  ollamaChatSchema,
  ollamaTextSchema,
} from "./request.ts";
import { asMessage, asText, errorOf, ollamaWire, type Say, saidInChat, saidInText } from "./wire.ts";

type ChatRoute<Request extends OllamaChatRequest | OllamaTextRequest> = TextRoute<
  Request,
  ChatTask,
  PreparedChat,
  ChatChunk
>;

const CHAT = chatRoute<OllamaChatRequest>(chatOf, asMessage);
const TEXT = chatRoute<OllamaTextRequest>(chatOfText, asText);

/** A prompt without a template. */
const RAW: TextRoute<OllamaTextRequest, CompletionTask, PreparedCompletion, Completion> = {
  prefix: "raw-",
  keeps: "session",
  task({ prompt, ...request }, model, limits) {
    const { max_tokens = limits.maxTokens, ...fields } = fieldsOf(request);
    return completionTask({ ...fields, prompt, max_tokens }, model, limits);
  },
  prepare: ({ model }, task, saved) => prepareCompletion(model, task, saved),
  chunks: (ready, head, { model }, signal) => completionChunks(ready.answer(signal), head, model.tokenizer, false),
  wire: (_, head) => ollamaWire(head, asText, saidInText),
};

function chatRoute<Request extends OllamaChatRequest | OllamaTextRequest>(
  translate: (request: Request) => ChatRequest,
  say: Say,
): ChatRoute<Request> {
  return {
    prefix: "chat-",
    keeps: "chat",
    task: (request, model, limits) => chatTask(translate(request), model, limits),
    prepare: prepareChat,
    chunks: (ready, head, { model }, signal) => chatChunks(ready.answer(signal), head, model.tokenizer),
    wire: (_, head) => ollamaWire(head, say, saidInChat),
  };
}

/** Ollama's routes, for the programs that know no other server. */
export function addOllamaRoutes(app: App, context: ServerContext): void {
  const { models } = context;
  app.post("/api/chat", async (call) => {
    const request = await readBody(call.req.raw, ollamaChatSchema);
    if (request.messages.length === 0) return loaded(call, models.get(request.model), asMessage);
    return answer(CHAT, context, call, request);
  });
  app.post("/api/generate", async (call) => {
    const request = await readBody(call.req.raw, ollamaTextSchema);
    if (request.prompt === "") return loaded(call, models.get(request.model), asText);
    return request.raw ? answer(RAW, context, call, request) : answer(TEXT, context, call, request);
  });
  app.get("/api/tags", (call) => call.json({ models: models.loaded.map((each) => tagOf(each, models.created)) }));
  app.get("/api/version", (call) => call.json({ version: "0.0.0" })); // programs ask whether there is a server
}

export const isOllama = (path: string) => path.startsWith("/api/");

export function ollamaError(error: HttpError): Response {
  return Response.json(errorOf(error), { status: error.status, headers: error.headers });
}

/** What asks for nothing asks whether the model is there. */
function loaded(call: RequestContext, { name }: ServedModel, say: Say): Response {
  const created_at = new Date().toISOString();
  return call.json({ model: name, created_at, ...say({ content: "" }), done: true, done_reason: "load" });
}

function tagOf({ name, model }: ServedModel, created: number) {
  const { architecture, weights, bytes } = model.info;
  const details = {
    parent_model: "",
    format: "wkv",
    family: architecture,
    families: [architecture],
    parameter_size: "",
    quantization_level: weights,
  };
  return { name, model: name, modified_at: new Date(1000 * created).toISOString(), size: bytes, digest: "", details };
}
