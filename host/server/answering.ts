import type { Client } from "./auth.ts";
import type { AnswerHead } from "./chat-chunks.ts";
import { during, newId, type RequestContext, type ServerContext, startWork, streamOf } from "./context.ts";
import { eventOf } from "./events.ts";
import type { ServedModel } from "./models.ts";
import type { StateUse } from "./state-field.ts";
import type { StateKind } from "./states.ts";
import type { Timings, UsageAnswer } from "./usage.ts";
import type { Work } from "./work.ts";

/** The fields common to all text requests. */
interface TextRequest {
  readonly model?: string | undefined;
  readonly stream?: boolean | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | undefined;
}

/** An answer ready to start. */
interface Prepared {
  readonly task: { readonly state: StateUse };
  /** The final state of the answer, as bytes. */
  save(): Promise<Uint8Array>;
  dispose(): void;
}

/** Only the last one has the usage. */
interface TextChunk extends AnswerHead {
  readonly usage: UsageAnswer | null;
  readonly timings?: Timings;
}

/** What differs between the kinds of text request. */
export interface TextRoute<Request extends TextRequest, Ready extends Prepared, Chunk extends TextChunk> {
  /** Prefix of the answers' ids. */
  readonly prefix: string;
  /** Kind of the state in which an answer ends. */
  readonly keeps: StateKind;
  /** Validates the whole request, and waits for its turn. */
  prepare(context: ServerContext, client: Client, request: Request, served: ServedModel, work: Work): Promise<Ready>;
  chunks(ready: Ready, head: AnswerHead, served: ServedModel, signal: AbortSignal): AsyncGenerator<Chunk, void, void>;
  /** The whole answer. */
  fold(head: AnswerHead, chunks: AsyncIterable<Chunk>): Promise<object>;
}

/** Answers as a stream, or with the fold of the same chunks. */
export async function answer<Request extends TextRequest, Ready extends Prepared, Chunk extends TextChunk>(
  route: TextRoute<Request, Ready, Chunk>,
  context: ServerContext,
  call: RequestContext,
  request: Request,
): Promise<Response> {
  const { client } = call.var;
  const served = context.models.get(request.model);
  const head = headOf(served, route.prefix);
  const work = startWork(context, call);
  try {
    const ready = await route.prepare(context, client, request, served, work);
    work.onEnd(() => ready.dispose());
    const chunks = kept(context, client, ready, route.chunks(ready, head, served, work.signal), {
      kind: route.keeps,
      model: served.name,
    });
    if (request.stream) return streamOf(context, work, events(chunks, request));
    return await during(work, async () => Response.json(await route.fold(head, chunks)));
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

/** The chunks; counts their usage, and stores the state if the request asks for it. */
async function* kept<Chunk extends TextChunk>(
  { metrics, states }: ServerContext,
  client: Client,
  ready: Prepared,
  chunks: AsyncGenerator<Chunk, void, void>,
  stored: { kind: StateKind; model: string },
): AsyncGenerator<Chunk, void, void> {
  for await (const chunk of chunks) {
    if (chunk.usage) metrics.countUsage(chunk.usage);
    yield chunk;
  }
  const { to } = ready.task.state;
  if (to) await states.write(client, to, { ...stored, bytes: await ready.save() });
}

async function* events(
  chunks: AsyncGenerator<TextChunk, void, void>,
  request: TextRequest,
): AsyncGenerator<string, void, void> {
  const wantsUsage = request.stream_options?.include_usage;
  for await (const { usage, timings, ...chunk } of chunks) {
    if (usage === null) yield eventOf(wantsUsage ? { ...chunk, usage } : chunk);
    else if (wantsUsage) yield eventOf({ ...chunk, usage, timings });
  }
  yield eventOf("[DONE]");
}
