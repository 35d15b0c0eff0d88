import { readBody } from "./body.ts";
import type { AnswerHead } from "./chat-chunks.ts";
import { headOf } from "./chat-routes.ts";
import { type PreparedCompletion, prepareCompletion } from "./completion-answer.ts";
import { type Completion, completionChunks, foldCompletion } from "./completion-chunks.ts";
import { type CompletionRequest, completionSchema, completionTask } from "./completion-request.ts";
import { type App, during, type RequestContext, type ServerContext, startWork, streamOf } from "./context.ts";
import { eventOf } from "./events.ts";
import type { ServedModel } from "./models.ts";
import type { Work } from "./work.ts";

export function addCompletionRoutes(app: App, context: ServerContext): void {
  for (const path of ["/v1/completions", "/completions"])
    app.post(path, async (call) => answer(context, call, await readBody(call.req.raw, completionSchema)));
}

async function answer(context: ServerContext, call: RequestContext, request: CompletionRequest): Promise<Response> {
  const served = context.models.get(request.model);
  const head = headOf(served, "cmpl");
  const work = startWork(context, call);
  try {
    const prepared = await prepare(context, call.var.client, request, served, work);
    const chunks = chunksOf(context, call.var.client, prepared, head, served, work);
    if (request.stream) return streamOf(context, work, completionEvents(chunks, request));
    return await during(work, async () => Response.json(await foldCompletion(head, chunks)));
  } catch (error) {
    work.end();
    throw error;
  }
}

/** Checks all of the request, and waits for its turn. */
async function prepare(
  { states, queue, limits }: ServerContext,
  client: string,
  request: CompletionRequest,
  { model }: ServedModel,
  work: Work,
): Promise<PreparedCompletion> {
  const task = completionTask(request, model, limits);
  if (task.state.to) work.onEnd(states.lock(client, task.state.to));
  await work.enter(queue, client, task.prompts.length * task.n);
  const prepared = prepareCompletion(model, task, await states.start(client, task.state));
  work.onEnd(() => prepared.dispose());
  return prepared;
}

async function* chunksOf(
  { metrics, states }: ServerContext,
  client: string,
  prepared: PreparedCompletion,
  head: AnswerHead,
  { name, model }: ServedModel,
  { signal }: Work,
): AsyncGenerator<Completion, void, void> {
  const { logprobs, state } = prepared.task;
  const withLogprobs = logprobs !== undefined;
  for await (const chunk of completionChunks(prepared.answer(signal), head, model.tokenizer, withLogprobs)) {
    if (chunk.usage) metrics.countUsage(chunk.usage);
    yield chunk;
  }
  const { to } = state;
  if (to) await states.write(client, to, { kind: "session", model: name, bytes: await prepared.save() });
}

async function* completionEvents(
  chunks: AsyncGenerator<Completion, void, void>,
  request: CompletionRequest,
): AsyncGenerator<string, void, void> {
  const wantsUsage = request.stream_options?.include_usage;
  for await (const { usage, timings, ...chunk } of chunks) {
    if (usage === null) yield eventOf(wantsUsage ? { ...chunk, usage } : chunk);
    else if (wantsUsage) yield eventOf({ ...chunk, usage, timings });
  }
  yield eventOf("[DONE]");
}
