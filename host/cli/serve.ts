import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Command } from "commander";
import type { Model } from "../model/model.ts";
import type { Server, ServerOptions } from "../server/index.ts";
import { defaultModel } from "./default-model.ts";
import { UsageError } from "./failure.ts";
import { load } from "./load.ts";
import { addModelOptions, collect, type ModelOptions, VOCAB_HELP } from "./options.ts";
import { note } from "./output.ts";
import { hasPage, withPage } from "./page.ts";
import { number } from "./parse.ts";
import { stopSignal } from "./stop-signal.ts";
import { openStorage } from "./storage.ts";

interface ServeOptions extends ModelOptions {
  host: string;
  port: number;
  alias?: string[];
  apiKey?: string[];
  template?: string;
  store?: string;
  parallel?: number;
  waiting?: number;
  maxTokens?: number;
  deadline?: number;
  prefixCache: number;
  cors?: string[];
  metrics?: boolean;
  grace: number;
}

const HELP = `${VOCAB_HELP}

The base URL for clients of OpenAI's API is http://HOST:PORT/v1. Routes and fields: docs/server.md.
Keys may also be given in the environment variable WKV_API_KEY, separated by commas.
SIGTERM and Ctrl-C: no new requests; running ones have --grace seconds to finish.

Examples:
  $ wkv serve
  $ wkv serve model.pth --port 8080
  $ wkv serve model.pth --host 0.0.0.0 --api-key secret --store ./states
  $ wkv serve small.pth large.pth --alias small --alias large
  $ wkv serve model.pth --store redis://localhost:6379
  $ curl localhost:8080/v1/chat/completions -H "content-type: application/json" \\
      -d '{"messages":[{"role":"user","content":"Why is the sky blue?"}]}'`;

export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("Serves models through OpenAI's API.")
    .argument("[MODELS...]", "model files, addresses or folders; default: the bundled model")
    .option("--host <name>", "address to listen on", "127.0.0.1")
    .option("--port <n>", "0: any free port", number, 8080)
    .option("--alias <name>", "a model's name for clients; one per model", collect)
    .option("--api-key <key>", "require this key; may be given several times", collect)
    .option("--template <name>", "raven, world or g1; default: the model file's")
    .option("--store <place>", "storage of named states: a folder or redis://…; default: in memory")
    .option("--parallel <n>", "texts generated at the same time; default: 16", number)
    .option("--waiting <n>", "requests that may wait; default: 64", number)
    .option("-n, --max-tokens <n>", "maximum tokens per text; default: 2048", number)
    .option("--deadline <seconds>", "maximum time per answer; default: 600", number)
    .option("--prefix-cache <MB>", "memory for cached states of prompts, per model; 0: none", number, 256)
    .option("--cors <origin>", 'a page that may send requests, or "*"; may be given several times', collect)
    .option("--metrics", "serve GET /metrics, for Prometheus")
    .option("--grace <seconds>", "time for running answers after SIGTERM", number, 30);
  addModelOptions(command);
  command.addHelpText("after", HELP).action(start);
}

async function start(paths: string[], options: ServeOptions): Promise<void> {
  const sources = await sourcesByName(paths, options.alias);
  const apiKeys = [...(options.apiKey ?? []), ...(process.env.WKV_API_KEY?.split(",") ?? [])].filter(
    (key) => key !== "",
  );
  const settings = await serverOptions(options, apiKeys);
  const stop = stopSignal();
  const models = loadAll(sources, options, stop);
  const { createServer } = await import("../server/index.ts"); // only this command needs it
  const server = createServer(models, settings);
  let listener: HttpServer | undefined;
  try {
    listener = await listen(server, options);
    await Promise.all(Object.values(models));
    describe(listener.address() as AddressInfo, Object.keys(models)[0]!, apiKeys.length > 0);
    if (!stop.aborted) await once(stop, "abort");
    note(`no more requests; running answers have ${options.grace} s`);
    listener.close();
    await server.close(options.grace);
  } finally {
    listener?.closeAllConnections();
    listener?.close();
    for (const model of await Promise.allSettled(Object.values(models)))
      if (model.status === "fulfilled") await model.value.dispose();
    await settings.storage?.dispose?.();
  }
}

async function sourcesByName(paths: readonly string[], alias: readonly string[] = []): Promise<Map<string, string>> {
  const byDefault = paths.length === 0 ? await defaultModel() : undefined;
  const sources = byDefault ? [byDefault] : paths;
  if (sources.length === 0) throw new UsageError("MODEL is missing: wkv serve MODEL");
  if (alias.length > sources.length) throw new UsageError("--alias: there are more names than models.");
  const named = new Map(sources.map((source, i) => [alias[i] ?? modelName(source), source]));
  if (named.size < sources.length) throw new UsageError("two models have the same name: give each an --alias.");
  return named;
}

/** The file's name without folders and extension. */
function modelName(source: string): string {
  const last = source.split(/[\\/]/).findLast((part) => part !== "") ?? source;
  return last.replace(/\.(pth|pt|safetensors|gguf|bin|zip)$/i, "");
}

/** One at a time: loading takes more memory than a loaded model. */
function loadAll(
  sources: ReadonlyMap<string, string>,
  options: ServeOptions,
  signal: AbortSignal,
): Record<string, Promise<Model>> {
  let before: Promise<unknown> = Promise.resolve();
  const prefixCache = { maxBytes: options.prefixCache * 1e6 };
  const loadNext = (source: string) => {
    const loading = before.then(() => load(source, { ...options, prefixCache }, signal));
    before = loading;
    loading.catch(() => {}); // it may fail before the server listens, and is awaited afterwards
    return loading;
  };
  return Object.fromEntries([...sources].map(([name, source]) => [name, loadNext(source)]));
}

async function serverOptions(options: ServeOptions, apiKeys: readonly string[]): Promise<ServerOptions> {
  const { host, store, template, parallel, waiting, maxTokens, deadline, cors, metrics } = options;
  if (!LOCAL.includes(host) && apiKeys.length === 0)
    note(`warning: ${host} may be reachable from other machines, and there is no --api-key`);
  return {
    apiKeys,
    ...(store && { storage: await openStorage(store) }),
    ...{ template, parallel, waiting, maxTokens, deadline, cors, metrics },
    ...(LOCAL.includes(host) && { hosts: LOCAL }),
    onError: (error) => note(error instanceof Error ? `${error.stack}` : String(error)),
  };
}

/** Host names that can only mean this machine. */
const LOCAL = ["127.0.0.1", "localhost", "[::1]", "::1"];

async function listen({ fetch }: Server, { host, port }: ServeOptions): Promise<HttpServer> {
  const { serve } = await import("@hono/node-server");
  const listener = serve({ fetch: withPage(fetch), port, hostname: host, serverOptions: TIMEOUTS }) as HttpServer;
  await once(listener, "listening");
  return listener;
}

/** Against clients that send their requests drop by drop. */
const TIMEOUTS = { headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 10_000, maxHeaderSize: 1 << 14 };

function describe({ address, family, port }: AddressInfo, model: string, needsKey: boolean): void {
  const base = `http://${family === "IPv6" ? `[${address}]` : address}:${port}/v1`;
  const key = needsKey ? ' -H "authorization: Bearer KEY"' : "";
  note(`${model} at ${base}`);
  if (hasPage()) note(`page: ${base.replace(/v1$/, "")}`);
  note(`try: curl ${base}/chat/completions -H "content-type: application/json"${key} \\`, true);
  note(`       -d '{"messages":[{"role":"user","content":"Hi!"}]}'`, true);
  note(`openai: new OpenAI({ baseURL: "${base}", apiKey: "${needsKey ? "KEY" : "none"}" })`, true);
  note(`Open WebUI: OPENAI_API_BASE_URL=${base}`, true);
}
