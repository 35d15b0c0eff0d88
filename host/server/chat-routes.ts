import { answer, type TextRoute } from "./answering.ts";
import { readBody } from "./body.ts";
import { type PreparedChat, prepareChat } from "./chat-answer.ts";
import { type ChatChunk, chatChunks } from "./chat-chunks.ts";
import { foldChat } from "./chat-completion.ts";
import { type ChatRequest, chatSchema, chatTask } from "./chat-request.ts";
import type { App, ServerContext } from "./context.ts";

const CHAT: TextRoute<ChatRequest, PreparedChat, ChatChunk> = {
  prefix: "chatcmpl",
  keeps: "chat",
  async prepare({ states, queue, limits }, client, request, served, work) {
    const task = chatTask(request, served.model, limits);
    if (task.state.to) work.onEnd(states.lock(client, task.state.to));
    await work.enter(queue, client, task.n);
    return prepareChat(served, task, await states.start(client, task.state));
  },
  chunks: (ready, head, { model }, signal) => chatChunks(ready.answer(signal), head, model.tokenizer),
  fold: foldChat,
};

export function addChatRoutes(app: App, context: ServerContext): void {
  for (const path of ["/v1/chat/completions", "/chat/completions"])
    app.post(path, async (call) => answer(CHAT, context, call, await readBody(call.req.raw, chatSchema)));
}
