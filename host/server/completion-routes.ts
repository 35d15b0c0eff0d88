import { answer, type TextRoute } from "./answering.ts";
import { readBody } from "./body.ts";
import { type PreparedCompletion, prepareCompletion } from "./completion-answer.ts";
import { type Completion, completionChunks, foldCompletion } from "./completion-chunks.ts";
import { type CompletionRequest, completionSchema, completionTask } from "./completion-request.ts";
import type { App, ServerContext } from "./context.ts";

const COMPLETION: TextRoute<CompletionRequest, PreparedCompletion, Completion> = {
  prefix: "cmpl",
  keeps: "session",
  async prepare({ states, queue, limits }, client, request, { model }, work) {
    const task = completionTask(request, model, limits);
    if (task.state.to) work.onEnd(states.lock(client, task.state.to));
    await work.enter(queue, client, task.prompts.length * task.n);
    return prepareCompletion(model, task, await states.start(client, task.state));
  },
  chunks: (ready, head, { model }, signal) =>
    completionChunks(ready.answer(signal), head, model.tokenizer, ready.task.logprobs !== undefined),
  fold: foldCompletion,
};

export function addCompletionRoutes(app: App, context: ServerContext): void {
  for (const path of ["/v1/completions", "/completions"])
    app.post(path, async (call) => answer(COMPLETION, context, call, await readBody(call.req.raw, completionSchema)));
}
