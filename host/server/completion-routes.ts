import { answer, type TextRoute } from "./answering.ts";
import { readBody } from "./body.ts";
import { type PreparedCompletion, prepareCompletion } from "./completion-answer.ts";
import { type Completion, completionChunks, foldCompletion } from "./completion-chunks.ts";
import { type CompletionRequest, type CompletionTask, completionSchema, completionTask } from "./completion-request.ts";
import type { App, ServerContext } from "./context.ts";
import { chunkWire } from "./wire.ts";

const COMPLETION: TextRoute<CompletionRequest, CompletionTask, PreparedCompletion, Completion> = {
  prefix: "cmpl-",
  keeps: "session",
  task: completionTask,
  prepare: ({ model }, task, saved) => prepareCompletion(model, task, saved),
  chunks: (ready, head, { model }, signal) =>
    completionChunks(ready.answer(signal), head, model.tokenizer, ready.task.logprobs !== undefined),
  wire: ({ stream_options: options }, head) =>
    chunkWire(options?.include_usage, (chunks) => foldCompletion(head, chunks)),
};

export function addCompletionRoutes(app: App, context: ServerContext): void {
  for (const path of ["/v1/completions", "/completions"])
    app.post(path, async (call) => answer(COMPLETION, context, call, await readBody(call.req.raw, completionSchema)));
}
