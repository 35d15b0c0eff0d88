// wllama (llama.cpp compiled to WebAssembly) in a headless Chromium.
import { type Page, type Timings, withPage } from "./browser.ts";
import { answer, measureSpeed, type Speed, type SpeedRequest } from "./protocol.ts";

/** The part of wllama that is used here; it is not installed with the project. */
interface WllamaModule {
  Wllama: {
    new (paths: { default: string }, options: { logger: unknown }): Wllama;
    getLibllamaVersion(): string;
  };
  LoggerWithoutDebug: unknown;
}

interface Wllama {
  loadModel(files: Blob[], options: Record<string, number>): Promise<void>;
  getNumThreads(): number;
  createCompletion(options: Record<string, unknown>): Promise<{ timings: Timings }>;
}

await answer((request: SpeedRequest) =>
  withPage(request, "@wllama/wllama", async (page, chromium): Promise<Speed> => {
    const build = `llama.cpp ${await load(page, request)}; Chromium ${chromium}`;
    const { text, tokens } = request.prompt;
    return measureSpeed(request, build, async (decode) => {
      // One more token: the first one comes with the prompt.
      const timings = await complete(page, text, decode + 1);
      if (timings.prompt_n !== tokens.length || timings.predicted_n !== decode + 1)
        throw new Error(`wllama took in ${timings.prompt_n} tokens and made ${timings.predicted_n}`);
      return { prefill: timings.prompt_ms, decode: timings.predicted_ms };
    });
  }),
);

/** Returns the version of llama.cpp. */
async function load(page: Page, { threads, prompt, decode }: SpeedRequest): Promise<string> {
  const { length } = prompt.tokens;
  const sizes = { n_ctx: length + decode + 16, n_batch: length, n_ubatch: length, n_threads: threads, n_gpu_layers: 0 };
  const loaded = await page.evaluate(async (options) => {
    const address = "/esm/index.js";
    const module: WllamaModule = await import(address);
    const wllama = new module.Wllama({ default: "/esm/wasm/wllama.wasm" }, { logger: module.LoggerWithoutDebug });
    const response = await fetch("/model");
    await wllama.loadModel([await response.blob()], options);
    Object.assign(globalThis, { wllama });
    return { threads: wllama.getNumThreads(), version: module.Wllama.getLibllamaVersion() };
  }, sizes);
  if (loaded.threads !== threads) throw new Error(`wllama runs with ${loaded.threads} threads instead of ${threads}`);
  return loaded.version;
}

function complete(page: Page, prompt: string, tokens: number): Promise<Timings> {
  const options = { prompt, max_tokens: tokens, temperature: 0, top_k: 1, ignore_eos: true, cache_prompt: false };
  return page.evaluate(async (argument) => {
    const { wllama } = globalThis as unknown as { wllama: Wllama };
    return (await wllama.createCompletion(argument)).timings;
  }, options);
}
