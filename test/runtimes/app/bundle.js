// For bundlers: tells the story of the examples into its page.
import { loadModel } from "wkv";

const model = await loadModel(new URL("/node_modules/wkv/models/box/box.gguf", location.href));
for await (const { text } of model.createSession().generate("Once upon a time", { maxTokens: 100, seed: 7 }))
  document.body.append(text);
document.title = "told";
