import * as v from "valibot";
import { readBody } from "./body.ts";
import { readConversation } from "./chat-answer.ts";
import { type App, during, type RequestContext, type ServerContext, startWork } from "./context.ts";
import { badField } from "./errors.ts";
import { asChatMessage, messagesField } from "./messages.ts";
import { stateName } from "./state-field.ts";
import { checkedState, type StoredState } from "./states.ts";

/** A copy of another state, or a conversation that is read now and answered later. */
const createSchema = v.object({
  id: stateName,
  from: v.optional(stateName),
  messages: v.optional(messagesField),
  model: v.optional(v.string()),
});

const renameSchema = v.object({ id: stateName });

export function addStateRoutes(app: App, context: ServerContext): void {
  const { states } = context;
  app.get("/v1/states", async (call) => call.json({ object: "list", data: await states.list(call.var.client) }));
  app.post("/v1/states", async (call) => create(context, call, await readBody(call.req.raw, createSchema)));
  app.get("/v1/states/:id", async (call) => call.json(await states.info(call.var.client, call.req.param("id"))));
  app.post("/v1/states/:id", async (call) => rename(context, call, await readBody(call.req.raw, renameSchema)));
  app.delete("/v1/states/:id", async (call) => {
    const id = call.req.param("id");
    await locked(context, call.var.client, id, () => states.remove(call.var.client, id));
    return call.json({ id, object: "state", deleted: true });
  });
  app.get("/v1/states/:id/content", async (call) => {
    const { bytes } = await states.read(call.var.client, call.req.param("id"));
    return new Response(new Uint8Array(bytes), { headers: { "content-type": "application/octet-stream" } });
  });
  app.put("/v1/states/:id/content", (call) => upload(context, call));
}

async function create(
  context: ServerContext,
  call: RequestContext,
  request: v.InferOutput<typeof createSchema>,
): Promise<Response> {
  const { id, from, messages } = request;
  if ((from === undefined) === (messages === undefined))
    throw badField(
      "from",
      `"from" expected a state to copy, or "messages" in its place, got ${from ? "both" : "neither"}.`,
    );
  const { client } = call.var;
  const made = async () => (from ? context.states.read(client, from) : readMessages(context, call, request));
  const info = await locked(context, client, id, async () => context.states.write(client, id, await made()));
  return call.json(info, 201);
}

/** Reads messages in advance, so that the first answer starts at once. */
async function readMessages(
  context: ServerContext,
  call: RequestContext,
  request: v.InferOutput<typeof createSchema>,
): Promise<StoredState> {
  const served = context.models.get(request.model);
  const work = startWork(context, call);
  return during(work, async () => {
    await work.enter(context.queue, call.var.client, 1);
    const bytes = await readConversation(served, request.messages!.map(asChatMessage), work.signal);
    return { kind: "chat", model: served.name, bytes };
  });
}

async function rename(context: ServerContext, call: RequestContext, { id }: { id: string }): Promise<Response> {
  const { client } = call.var;
  const from = call.req.param("id")!;
  const info = await locked(context, client, from, () =>
    locked(context, client, id, async () => {
      const written = await context.states.write(client, id, await context.states.read(client, from));
      await context.states.remove(client, from);
      return written;
    }),
  );
  return call.json(info);
}

/** Accepts what GET returned, here or on another server with the same model, or a tuned state. */
async function upload(context: ServerContext, call: RequestContext): Promise<Response> {
  const id = call.req.param("id")!;
  const { client } = call.var;
  const { name, model } = context.models.get(call.req.query("model"));
  const bytes = new Uint8Array(await call.req.raw.arrayBuffer());
  const checked = await checkedState(model, bytes);
  const info = await locked(context, client, id, () => context.states.write(client, id, { ...checked, model: name }));
  return call.json(info, 201);
}

async function locked<T>(context: ServerContext, client: string, id: string, work: () => Promise<T>): Promise<T> {
  const unlock = await context.states.lock(client, id);
  try {
    return await work();
  } finally {
    await unlock();
  }
}
