// node node.mjs "Once upon a time"
import { loadModel } from "wkv";

const prompt = process.argv[2] ?? "Once upon a time";
const model = await loadModel(new URL(import.meta.resolve("wkv/models/box/box.gguf")));
process.stdout.write(prompt);
for await (const { text } of model.createSession().generate(prompt, { maxTokens: 100, seed: 7 }))
  process.stdout.write(text);
await model.dispose();
