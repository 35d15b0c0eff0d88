// AWS Lambda with response streaming (a function URL with InvokeMode: RESPONSE_STREAM), Node 20 or newer.
import { loadModel } from "wkv";

/** Loaded when the function starts, kept for every invocation. One virtual CPU comes with each 1769 MB of memory. */
const model = await loadModel(new URL(import.meta.resolve("wkv/models/box/box.gguf")));

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/plain; charset=utf-8");
  const session = model.createSession();
  for await (const { text } of session.generate(event.body ?? "Once upon a time", { maxTokens: 100, seed: 7 }))
    stream.write(text);
  session.dispose();
  stream.end();
});
