// npm install wkv hono @hono/node-server && node server.mjs
// curl -N localhost:3000/chat -d '{"messages":[{"role":"user","content":"The key is in the well. Where is the key?"}]}'
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { loadModel } from "wkv";
import { chat } from "wkv/chat";

const model = await loadModel("box");
const app = new Hono();

/** Server-sent events. A client that leaves ends its answer. */
app.post("/chat", async (context) => {
  const { messages } = await context.req.json();
  const events = chat(model, messages, { maxTokens: 100, temperature: 0 }).toEventStream();
  return context.body(events, 200, { "content-type": "text/event-stream" });
});

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT ?? 3000) });
