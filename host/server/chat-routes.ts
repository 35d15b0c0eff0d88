import { readBody } from "./body.ts";
import { type PreparedChat, prepareChat } from "./chat-answer.ts";
import { type AnswerHead, type ChatChunk, chatChunks } from "./chat-chunks.ts";
import { foldChat } from "./chat-completion.ts";
import { type ChatRequest, chatSchema, chatTask } from "./chat-request.ts";
import { type App, during, newId, type RequestContext, type ServerContext, startWork, streamOf } from "./context.ts";
import { eventOf } from "./events.ts";
import type { ServedModel } from "./models.ts";
import type { Work } from "./work.ts";

export function addChatRoutes(app: App, context: ServerContext): void {
  for (const path of ["/v1/chat/completions", "/chat/completions"])
    app.post(path, async (call) => {
      const request = await readBody(call.req.raw, chatSchema);
      return answer(context, call, request);
    });
}

async function answer(context: ServerContext, call: RequestContext, request: ChatRequest): Promise<Response> {
  const served = context.models.get(request.model);
  const head = headOf(served, "chatcmpl");
  const work = startWork(context, call);
  try {
    const prepared = await prepare(context, call.var.client, request, served, work);
    const chunks = chunksOf(context, call.var.client, prepared, head, served, work);
    if (request.stream) return streamOf(context, work, chatEvents(chunks, request));
    return await during(work, async () => Response.json(await foldChat(head, chunks)));
  } catch (error) {
    work.end();
    throw error;
  }
}

export function headOf({ name, model }: ServedModel, prefix: string): AnswerHead {
  const { architecture, weights } = model.info;
  const created = Math.floor(Date.now() / 1000);
  return { id: newId(prefix), created, model: name, system_fingerprint: `wkv-${architecture}-${weights}` };
}

/** Checks all of the request, and waits for its turn. */
async function prepare(
  { states, queue, limits }: ServerContext,
  client: string,
  request: ChatRequest,
  served: ServedModel,
  work: Work,
): Promise<PreparedChat> {
  const task = chatTask(request, served.model, limits);
  if (task.state.to) work.onEnd(states.lock(client, task.state.to));
  await work.enter(queue, client, task.n);
  const prepared = await prepareChat(served, task, await states.start(client, task.state));
  work.onEnd(() => prepared.dispose());
  return prepared;
}

async function* chunksOf(
  { metrics, states }: ServerContext,
  client: string,
  prepared: PreparedChat,
  head: AnswerHead,
  { name, model }: ServedModel,
  { signal }: Work,
): AsyncGenerator<ChatChunk, void, void> {
  for await (const chunk of chatChunks(prepared.answer(signal), head, model.tokenizer)) {
    if (chunk.usage) metrics.countUsage(chunk.usage);
    yield chunk;
  }
  const { to } = prepared.task.state;
  if (to) await states.write(client, to, { kind: "chat", model: name, bytes: await prepared.save() });
}

async function* chatEvents(
  chunks: AsyncGenerator<ChatChunk, void, void>,
  request: ChatRequest,
): AsyncGenerator<string, void, void> {
  const wantsUsage = request.stream_options?.include_usage;
  for await (const { usage, timings, ...chunk } of chunks) {
    if (usage === null) yield eventOf(wantsUsage ? { ...chunk, usage } : chunk);
    else if (wantsUsage) yield eventOf({ ...chunk, usage, timings });
  }
  yield eventOf("[DONE]");
}
