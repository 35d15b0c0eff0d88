// node llama-wire.ts MODEL PEERS THREADS CLIENTS: llama.cpp, as node-llama-cpp brings it, behind OpenAI's wire for completions. All that it
// does is what `npm run bench:server` measures.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(tokens: number[], options: { temperature: number; yieldEogToken: boolean }): AsyncGenerator<number, void>;
}

interface Model {
  detokenize(tokens: number[]): string;
  createContext(options: { sequences: number; contextSize: number; threads: number; batchSize: number }): Promise<{
    getSequence(): Sequence;
  }>;
}

interface NodeLlamaCpp {
  getLlama(options: { gpu: false; build: "never"; logLevel: "error"; maxThreads: number }): Promise<{
    loadModel(options: { modelPath: string; useMmap: boolean }): Promise<Model>;
  }>;
}

const [, , path, peers, threads, clients] = process.argv as string[];
const entry = join(peers!, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama }: NodeLlamaCpp = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: Number(threads) });
const model = await llama.loadModel({ modelPath: path!, useMmap: true });
const sequences = Number(clients);
const context = await model.createContext({ sequences, contextSize: 16_384, threads: Number(threads), batchSize: 512 });
const free = Array.from({ length: sequences }, () => context.getSequence());

const server = createServer((request, response) => {
  if (request.url === "/v1/completions") return void answer(request, response);
  response.end("{}");
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, max_tokens: most } = JSON.parse(await text(request));
  const sequence = free.pop()!;
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (data: unknown) => response.write(`data: ${JSON.stringify(data)}\n\n`);
  let made = 0;
  await sequence.clearHistory();
  const generation = sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true });
  for await (const token of generation) {
    send({ choices: [{ text: model.detokenize([token]) || " " }] });
    if (++made === most || response.destroyed) break;
  }
  free.push(sequence);
  send({ choices: [], usage: { completion_tokens: made } });
  response.end("data: [DONE]\n\n");
}
