// deno run --allow-net --allow-read --allow-env --allow-sys deno.ts, then: curl -N -d "Once upon a time" localhost:8000
import { loadModel } from "wkv";

const model = await loadModel(new URL(import.meta.resolve("wkv/models/box/box.gguf")));

async function* story(prompt: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  using session = model.createSession();
  const encoder = new TextEncoder();
  for await (const { text } of session.generate(prompt, { maxTokens: 100, seed: 7, signal }))
    yield encoder.encode(text);
}

Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000), hostname: "127.0.0.1" }, async (request) => {
  return new Response(ReadableStream.from(story(await request.text(), request.signal)));
});
