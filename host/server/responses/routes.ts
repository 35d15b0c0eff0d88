import { eventOf } from "../../session/streams.ts";
import { answer, type TextRoute } from "../answering.ts";
import { readBody } from "../body.ts";
import { type PreparedChat, prepareChat } from "../chat-answer.ts";
import { type AnswerHead, type ChatChunk, chatChunks } from "../chat-chunks.ts";
import type { ChatTask } from "../chat-request.ts";
import type { App, ServerContext } from "../context.ts";
import { EVENTS } from "../events.ts";
import { RESPONSE_PREFIX } from "../states.ts";
import type { Wire } from "../wire.ts";
import { type ResponseEvent, responseEvents } from "./events.ts";
import { responseObject } from "./object.ts";
import { type ResponseRequest, responseSchema, responseTask } from "./request.ts";

const RESPONSE: TextRoute<ResponseRequest, ChatTask, PreparedChat, ChatChunk> = {
  prefix: RESPONSE_PREFIX,
  keeps: "chat",
  task: responseTask,
  prepare: prepareChat,
  chunks: (ready, head, { model }, signal) => chatChunks(ready.answer(signal), head, model.tokenizer),
  wire: responseWire,
};

export function addResponseRoutes(app: App, context: ServerContext): void {
  app.post("/v1/responses", async (call) =>
    answer(RESPONSE, context, call, await readBody(call.req.raw, responseSchema)),
  );
  app.delete("/v1/responses/:id", async (call) => {
    const id = call.req.param("id");
    await context.states.remove(call.var.client, id);
    return call.json({ id, object: "response", deleted: true });
  });
}

function responseWire(request: ResponseRequest, head: AnswerHead): Wire<ChatChunk> {
  let sequence = 0;
  const numbered = (event: ResponseEvent) => eventOf({ ...event, sequence_number: sequence++ }, event.type);
  const events = (chunks: AsyncIterable<ChatChunk>) =>
    responseEvents(chunks, (progress) => responseObject(request, head, progress));
  return {
    format: EVENTS,
    async *events(chunks) {
      for await (const event of events(chunks)) yield numbered(event);
    },
    failed: ({ message, code, param }) => numbered({ type: "error", message, code, param }),
    async fold(chunks) {
      let last: ResponseEvent | undefined;
      for await (const event of events(chunks)) last = event;
      return last!.response as object;
    },
  };
}
