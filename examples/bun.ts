// bun bun.ts, then: curl -N -d "Once upon a time" localhost:8000
import { loadModel } from "wkv";

const model = await loadModel(new URL(import.meta.resolve("wkv/models/box/box.gguf")));

async function* story(prompt: string, signal: AbortSignal) {
  using session = model.createSession();
  for await (const { text } of session.generate(prompt, { maxTokens: 100, seed: 7, signal })) yield text;
}

Bun.serve({
  port: Number(process.env.PORT ?? 8000),
  hostname: "127.0.0.1",
  fetch: async (request) => new Response(story(await request.text(), request.signal)),
});
