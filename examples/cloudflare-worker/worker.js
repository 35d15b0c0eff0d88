// wrangler dev, then: curl -N -d "Once upon a time" localhost:8787
import { loadModel } from "wkv";

/** Loaded by the first request, kept for those that come later. */
let model;

async function load({ ASSETS }) {
  const file = await ASSETS.fetch("https://assets/box.gguf");
  return loadModel(await file.arrayBuffer());
}

async function* story(prompt, signal) {
  const session = (await model).createSession();
  const encoder = new TextEncoder();
  try {
    for await (const { text } of session.generate(prompt, { maxTokens: 100, seed: 7, signal }))
      yield encoder.encode(text);
  } finally {
    session.dispose();
  }
}

export default {
  async fetch(request, env) {
    model ??= load(env);
    const stream = ReadableStream.from(story(await request.text(), request.signal));
    return new Response(stream, { headers: { "content-type": "text/plain; charset=utf-8" } });
  },
};
