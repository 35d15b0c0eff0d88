import { answer, type TextRoute } from "./answering.ts";
import { readBody } from "./body.ts";
import { type PreparedChat, prepareChat } from "./chat-answer.ts";
import { type ChatChunk, chatChunks } from "./chat-chunks.ts";
import { foldChat } from "./chat-completion.ts";
import { type ChatRequest, type ChatTask, chatSchema, chatTask } from "./chat-request.ts";
import type { App, ServerContext } from "./context.ts";
import { chunkWire } from "./wire.ts";

const CHAT: TextRoute<ChatRequest, ChatTask, PreparedChat, ChatChunk> = {
  prefix: "chatcmpl-",
  keeps: "chat",
  task: chatTask,
  prepare: prepareChat,
  chunks: (ready, head, { model }, signal) => chatChunks(ready.answer(signal), head, model.tokenizer),
  wire: ({ stream_options: options }, head) => chunkWire(options?.include_usage, (chunks) => foldChat(head, chunks)),
};

export function addChatRoutes(app: App, context: ServerContext): void {
  for (const path of ["/v1/chat/completions", "/chat/completions"])
    app.post(path, async (call) => answer(CHAT, context, call, await readBody(call.req.raw, chatSchema)));
}
