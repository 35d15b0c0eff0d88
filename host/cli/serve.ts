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

Clients of OpenAI's API take http://HOST:PORT/v1 as their base URL. What there is: docs/server.md.
Keys may also come from the environment variable WKV_API_KEY, several of them with commas between.
SIGTERM and Ctrl-C: no new requests, those that run may end for --grace seconds.

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
    .description("Serves models to clients of OpenAI's API.")
    .argument("[MODELS...]", "model files, addresses or folders; default: the model that comes with wkv")
    .option("--host <name>", "where to listen", "127.0.0.1")
    .option("--port <n>", "0: any port that is free", number, 8080)
    .option("--alias <name>", "the model's name for clients; one for each model", collect)
    .option("--api-key <key>", "a key that requests have to send; may be given several times", collect)
    .option("--template <name>", "raven, world or g1; default: what the model's file says")
    .option("--store <place>", "where named states are kept: a folder or redis://…; default: in memory")
    .option("--parallel <n>", "texts that are made at the same time; default: 16", number)
    .option("--waiting <n>", "requests that may wait; default: 64", number)
    .option("-n, --max-tokens <n>", "most tokens of a text; default: 2048", number)
    .option("--deadline <seconds>", "most seconds for an answer; default: 600", number)
    .option("--prefix-cache <MB>", "memory for states of prompts, for each model; 0: none", number, 256)
    .option("--cors <origin>", 'a page that may ask, or "*"; may be given several times', collect)
    .option("--metrics", "answer GET /metrics, for Prometheus")
    .option("--grace <seconds>", "how long running answers may take after SIGTERM", number, 30);
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
  const { createServer } = await import("../server/index.ts"); // other commands start without it
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
  const byDefault = paths.length === 0 ? await defaultModel("box") : undefined;
  const sources = byDefault ? [byDefault] : paths;
  if (sources.length === 0) throw new UsageError("MODEL is missing: wkv serve MODEL");
  if (alias.length > sources.length) throw new UsageError("--alias: there are more names than models.");
  const named = new Map(sources.map((source, i) => [alias[i] ?? modelName(source), source]));
  if (named.size < sources.length) throw new UsageError("two models have one name: give each an --alias.");
  return named;
}

/** The file's name without folders and extension. */
function modelName(source: string): string {
  const last = source.split(/[\\/]/).findLast((part) => part !== "") ?? source;
  return last.replace(/\.(pth|pt|safetensors|gguf|bin|zip)$/i, "");
}

/** One after the other: loading takes more memory than having loaded. */
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
    return loading;
  };
  return Object.fromEntries([...sources].map(([name, source]) => [name, loadNext(source)]));
}

async function serverOptions(options: ServeOptions, apiKeys: readonly string[]): Promise<ServerOptions> {
  const { host, store, template, parallel, waiting, maxTokens, deadline, cors, metrics } = options;
  if (!LOCAL.includes(host) && apiKeys.length === 0)
    note(`warning: ${host} may be reached from other machines, and there is no --api-key`);
  return {
    apiKeys,
    ...(store && { storage: await openStorage(store) }),
    ...{ template, parallel, waiting, maxTokens, deadline, cors, metrics },
    ...(LOCAL.includes(host) && { hosts: LOCAL }),
    onError: (error) => note(error instanceof Error ? `${error.stack}` : String(error)),
  };
}

/** Names of this machine that no other one can be behind. */
const LOCAL = ["127.0.0.1", "localhost", "[::1]", "::1"];

async function listen({ fetch }: Server, { host, port }: ServeOptions): Promise<HttpServer> {
  const { serve } = await import("@hono/node-server");
  const listener = serve({ fetch: withPage(fetch), port, hostname: host, serverOptions: TIMEOUTS }) as HttpServer;
  await once(listener, "listening");
  return listener;
}

/** For clients that send their requests drop by drop. */
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
