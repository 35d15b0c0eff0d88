// The handler in one file, with the model beside it:
// esbuild bundled.mjs --bundle --platform=node --format=esm --outfile=handler.mjs
import { fileURLToPath } from "node:url";
import { chat } from "wkv/chat";
import { loadModel } from "wkv/inline";

const model = await loadModel(fileURLToPath(new URL("box.gguf", import.meta.url)));

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/plain; charset=utf-8");
  const messages = [{ role: "user", content: event.body ?? "" }];
  for await (const { text } of chat(model, messages, { maxTokens: 100, temperature: 0 })) stream.write(text);
  stream.end();
});
