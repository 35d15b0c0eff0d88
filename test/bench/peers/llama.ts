// llama.cpp's native build for processors, as node-llama-cpp brings it.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { answer, measureSpeed, type Speed, type SpeedRequest } from "./protocol.ts";

/** The part of node-llama-cpp that is used here; the package is not installed with the project. */
interface NodeLlamaCpp {
  getLlama(options: { gpu: false; build: "never"; logLevel: "error"; maxThreads: number }): Promise<{
    readonly systemInfo: string;
    readonly llamaCppRelease: { readonly release: string };
    loadModel(options: { modelPath: string; useMmap: boolean }): Promise<{
      createContext(options: { contextSize: number; threads: number; batchSize: number }): Promise<{
        getSequence(): Sequence;
      }>;
    }>;
  }>;
}

interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(tokens: number[], options: { temperature: number; yieldEogToken: boolean }): AsyncGenerator<number, void>;
}

await answer(async (request: SpeedRequest): Promise<Speed> => {
  const { threads, prompt, decode } = request;
  const { length } = prompt.tokens;
  const entry = join(request.peers, "node_modules/node-llama-cpp/dist/index.js");
  const { getLlama }: NodeLlamaCpp = await import(pathToFileURL(entry).href);
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: threads });
  const model = await llama.loadModel({ modelPath: request.model, useMmap: true });
  const context = await model.createContext({ contextSize: length + decode + 16, threads, batchSize: length });
  const sequence = context.getSequence();
  const build = `llama.cpp ${llama.llamaCppRelease.release}; ${instructionSets(llama.systemInfo)}`;
  return measureSpeed(request, build, async (count) => {
    await sequence.clearHistory();
    const start = performance.now();
    const generation = sequence.evaluate(prompt.tokens, { temperature: 0, yieldEogToken: true });
    await next(generation);
    const middle = performance.now();
    for (let i = 0; i < count; i++) await next(generation);
    const end = performance.now();
    await generation.return();
    return { prefill: middle - start, decode: end - middle };
  });
});

async function next(generation: AsyncGenerator<number, void>): Promise<void> {
  if ((await generation.next()).done) throw new Error("llama.cpp ended its text early: use another model");
}

/** "AVX2, AVX512" out of "CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 1 | ..." */
function instructionSets(systemInfo: string): string {
  const sets = [...systemInfo.matchAll(/(AVX\w*|NEON|SVE|DOTPROD|MATMUL_INT8|AMX\w*) = 1/g)].map(([, name]) => name);
  return sets.join(", ");
}
