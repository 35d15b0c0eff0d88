// @fugood/node-llama-wasm (llama.cpp compiled to 64-bit WebAssembly) in a headless Chromium.
import { type Page, type Timings, withPage } from "./browser.ts";
import { answer, measureSpeed, type Speed, type SpeedRequest } from "./protocol.ts";

/** The part of the package that is used here; it is not installed with the project. */
interface LlamaWasm {
  loadModel(options: Record<string, unknown>): Promise<Context>;
}

interface Context {
  completion(options: Record<string, unknown>): Promise<{ timings?: Timings }>;
}

/** Fewest tokens whose time counts. */
const FEWEST = 5;

await answer((request: SpeedRequest) =>
  withPage(request, "@fugood/node-llama-wasm", async (page, chromium): Promise<Speed> => {
    await load(page, request);
    const { text, tokens } = request.prompt;
    return measureSpeed(request, `Chromium ${chromium}`, async (decode) => {
      const timings = await complete(page, text, decode + 1);
      // It may end early. The first token comes with the prompt.
      const made = timings.predicted_n - 1;
      if (timings.prompt_n !== tokens.length || made < FEWEST)
        throw new Error(`it took in ${timings.prompt_n} tokens and made ${timings.predicted_n}`);
      return { prefill: timings.prompt_ms, decode: (timings.predicted_ms / made) * decode };
    });
  }),
);

async function load(page: Page, { threads, prompt, decode }: SpeedRequest): Promise<void> {
  const { length } = prompt.tokens;
  const sizes = { n_ctx: length + decode + 16, n_batch: length, n_ubatch: length, n_threads: threads, n_gpu_layers: 0 };
  await page.evaluate(async (options) => {
    const address = "/index.js";
    const { loadModel }: LlamaWasm = await import(address);
    const model = await (await fetch("/model")).blob();
    const wasm = { threads: options.n_threads > 1, maxThreads: options.n_threads };
    Object.assign(globalThis, { context: await loadModel({ ...options, model, state_cache_budget_mb: 0, wasm }) });
  }, sizes);
}

async function complete(page: Page, prompt: string, tokens: number): Promise<Timings> {
  const options = { prompt, n_predict: tokens, temperature: 0, top_k: 1, ignore_eos: true };
  const timings = await page.evaluate(async (argument) => {
    const { context } = globalThis as unknown as { context: Context };
    return (await context.completion(argument)).timings;
  }, options);
  if (!timings) throw new Error("it gives no timings");
  return timings;
}
