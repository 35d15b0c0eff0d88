// wllama (llama.cpp compiled to WebAssembly) in a headless Chromium, in a page that may use threads.
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { answer, measureSpeed, type Speed, type SpeedRequest } from "./protocol.ts";

/** The parts of playwright-core and wllama that are used here; they are not installed with the project. */
interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

interface Browser {
  version(): string;
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

interface Page {
  goto(address: string): Promise<unknown>;
  evaluate<Result, Argument>(work: (argument: Argument) => Promise<Result>, argument: Argument): Promise<Result>;
}

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

/** llama.cpp's own clock: `predicted_ms` begins when the first of the `predicted_n` tokens is there. */
interface Timings {
  prompt_n: number;
  prompt_ms: number;
  predicted_n: number;
  predicted_ms: number;
}

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

await answer(async (request: SpeedRequest): Promise<Speed> => {
  const entry = pathToFileURL(join(request.peers, "node_modules/playwright-core/index.mjs"));
  const { chromium }: Playwright = await import(entry.href);
  const browser = await chromium.launch({ executablePath: request.chromium ?? "", args: ARGUMENTS });
  try {
    const page = await browser.newPage();
    const server = await serve(request);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const build = `llama.cpp ${await load(page, request)}; Chromium ${browser.version()}`;
    return await measureSpeed(request, build, async (decode) => {
      // One more token: the first one comes with the prompt.
      const timings = await complete(page, request.prompt.text, decode + 1);
      if (timings.prompt_n !== request.prompt.tokens.length || timings.predicted_n !== decode + 1)
        throw new Error(`wllama took in ${timings.prompt_n} tokens and made ${timings.predicted_n}`);
      return { prefill: timings.prompt_ms, decode: timings.predicted_ms };
    });
  } finally {
    await browser.close();
  }
});

/** The page, the package's files and the model, with the headers that let a page have threads. */
function serve({ model, peers }: SpeedRequest): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    if (path === "/") send(response, "text/html").end("<!doctype html><title>wllama</title>");
    else sendFile(response, path === "/model" ? model : join(peers, "node_modules/@wllama/wllama", path));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function sendFile(response: ServerResponse, file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    response.writeHead(404).end();
    return;
  }
  const types: Record<string, string> = { ".js": "text/javascript", ".wasm": "application/wasm" };
  createReadStream(file).pipe(send(response, types[extname(file)] ?? "application/octet-stream", size));
}

function send(response: ServerResponse, type: string, length?: number): ServerResponse {
  return response.writeHead(200, {
    "content-type": type,
    ...(length === undefined ? {} : { "content-length": length }),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
}

// The functions that run in the page hold no functions themselves: what compiles this file would wrap those in helpers
// that the page has not.

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
