// A model of 0.1B in 128 MB: its weights come from a bucket of R2, and its embedding stays there.
// wrangler r2 object put models/model.gguf --file model.gguf --local
// wrangler dev, then: curl -N -d "Once upon a time" localhost:8787
import { loadModel } from "wkv";

const NAME = "model.gguf";

/** Loaded by the first request, kept for those that come later. */
let model;

async function load({ MODELS }) {
  const { size } = await MODELS.head(NAME);
  const read = async (offset, length) => (await MODELS.get(NAME, { range: { offset, length } })).body;
  return loadModel({ size, read }, { weights: "int4", embedding: "source" });
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
