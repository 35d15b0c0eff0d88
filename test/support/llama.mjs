// node llama.mjs NODE-LLAMA-CPP FILE.gguf TEXT: how llama.cpp splits a text, and the likeliest token after each of its tokens.
import { pathToFileURL } from "node:url";

const [entry, modelPath, text] = process.argv.slice(2);
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 1 });
const model = await llama.loadModel({ modelPath });
const tokens = model.tokenize(text);
const context = await model.createContext({ contextSize: tokens.length + 16, threads: 1, batchSize: 256 });
const greedy = { generateNext: { token: true, options: { temperature: 0 } } };
const answers = await context.getSequence().controlledEvaluate(tokens.map((token) => [token, greedy]));
console.log(JSON.stringify({ tokens: [...tokens], likeliest: answers.map((answer) => answer?.next.token) }));
await llama.dispose();
