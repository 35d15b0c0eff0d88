import type { Model } from "../model/model.ts";
import type { AnswerHead } from "./chat-chunks.ts";
import type { TaskLimits } from "./chat-request.ts";
import { during, newId, type RequestContext, type ServerContext, startWork, streamOf } from "./context.ts";
import type { ServedModel } from "./models.ts";
import type { StateUse } from "./state-field.ts";
import type { StateKind, StoredState } from "./states.ts";
import type { TextChunk, Wire } from "./wire.ts";

/** The fields common to all text requests. */
interface TextRequest {
  readonly model?: string | undefined;
  readonly stream?: boolean | undefined;
}

/** What a request asks for, checked. */
interface Task {
  readonly state: StateUse;
  /** How many texts. */
  readonly texts: number;
}

/** An answer ready to start. */
interface Prepared {
  /** The final state of the answer, as bytes. */
  save(): Promise<Uint8Array>;
  dispose(): void;
}

/** What differs between the kinds of text request. */
export interface TextRoute<Request extends TextRequest, Wanted extends Task, Ready extends Prepared, Chunk> {
  /** What the answers' ids begin with. */
  readonly prefix: string;
  /** Kind of the state in which an answer ends. */
  readonly keeps: StateKind;
  /** @throws HttpError 400; TypeError or RangeError for an option of the library */
  task(request: Request, model: Model, limits: TaskLimits, id: string): Wanted;
  /** Checks what depends on the state, before anything is computed. */
  prepare(served: ServedModel, task: Wanted, saved: StoredState | undefined): Promise<Ready> | Ready;
  chunks(ready: Ready, head: AnswerHead, served: ServedModel, signal: AbortSignal): AsyncGenerator<Chunk, void, void>;
  wire(request: Request, head: AnswerHead): Wire<Chunk>;
}

/** Answers as a stream, or with the fold of the same chunks. */
export async function answer<
  Request extends TextRequest,
  Wanted extends Task,
  Ready extends Prepared,
  Chunk extends TextChunk,
>(
  route: TextRoute<Request, Wanted, Ready, Chunk>,
  context: ServerContext,
  call: RequestContext,
  request: Request,
): Promise<Response> {
  const { client } = call.var;
  const { states, queue, limits } = context;
  const served = context.models.get(request.model);
  const head = headOf(served, route.prefix);
  const work = startWork(context, call);
  try {
    const task = route.task(request, served.model, limits, head.id);
    const { to } = task.state;
    const unlock = to === undefined ? undefined : await states.lock(client, to);
    if (unlock) work.onEnd(() => void unlock().catch(context.report));
    await work.enter(queue, client, task.texts);
    const ready = await route.prepare(served, task, await states.start(client, task.state));
    work.onEnd(() => ready.dispose());
    const chunks = counted(context, route.chunks(ready, head, served, work.signal));
    const keep = async () => {
      if (to === undefined) return;
      await states.write(client, to, { kind: route.keeps, model: served.name, bytes: await ready.save() });
      await unlock?.(); // before the client knows that the answer is over
    };
    const kept = followed(chunks, keep);
    const wire = route.wire(request, head);
    if (request.stream) return streamOf(context, work, wire, kept);
    return await during(work, async () => Response.json(await wire.fold(kept)));
  } catch (error) {
    work.end();
    throw error;
  }
}

function headOf({ name, model }: ServedModel, prefix: string): AnswerHead {
  const { architecture, weights } = model.info;
  const created = Math.floor(Date.now() / 1000);
  return { id: newId(prefix), created, model: name, system_fingerprint: `wkv-${architecture}-${weights}` };
}

async function* counted<Chunk extends TextChunk>(
  { metrics }: ServerContext,
  chunks: AsyncGenerator<Chunk, void, void>,
) {
  for await (const chunk of chunks) {
    if (chunk.usage) metrics.countUsage(chunk.usage);
    yield chunk;
  }
}

async function* followed<Chunk>(
  chunks: AsyncGenerator<Chunk, void, void>,
  work: () => Promise<void>,
): AsyncGenerator<Chunk, void, void> {
  yield* chunks;
  await work();
}
