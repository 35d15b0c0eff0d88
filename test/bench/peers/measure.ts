import { ask, whileBusy } from "./children.ts";
import type { LongAnswer, OwnAnswer, Speed, SpeedRequest } from "./protocol.ts";
import type { Engine, Results, Row } from "./results.ts";

/** What is measured on each file. */
export type Program = Omit<Engine, "model" | "weights">;

export const LLAMA: Program = { id: "llama.cpp", label: "llama.cpp native", script: "llama.ts", isPeer: true };
export const WLLAMA: Program = {
  id: "wllama",
  label: "wllama (Chromium)",
  script: "wllama.ts",
  isPeer: true,
  needsBrowser: true,
};
export const LLAMA_WASM: Program = {
  id: "node-llama-wasm",
  label: "@fugood/node-llama-wasm (Chromium)",
  script: "llama-wasm.ts",
  isPeer: true,
  needsBrowser: true,
};

/** Tokens made in a take while other processes keep cores busy. */
export const BUSY_DECODE = 20;

/** A run of the bench: what it found so far, and what it asks its children. */
export interface Run {
  readonly results: Results;
  readonly request: Omit<SpeedRequest, "threads" | "model" | "weights">;
}

/** Everything once, one engine after another; which is the first changes from round to round. */
export async function measureRound(run: Run, round: number): Promise<void> {
  const { results, request } = run;
  console.log(`round ${round + 1} of ${results.rounds}`);
  for (const threads of results.threads) {
    for (const engine of rotated(results.engines, round))
      await measureSpeed(results, engine, { ...request, threads }, round, results.speeds);
  }
  for (const engine of results.engines.filter(({ isPeer }) => !isPeer)) await measureOwn(run, engine, round);
  if (results.threads.length > 1) await measureBusy(run, round);
}

/** One measurement. A peer that fails is missing in this round; wkv's failure ends the run. */
async function measureSpeed(
  results: Results,
  engine: Engine,
  request: Omit<SpeedRequest, "model" | "weights">,
  round: number,
  rows: Row<Speed>[],
  note = "",
): Promise<void> {
  const { threads } = request;
  try {
    const speed = await ask<Speed>(engine.script, { ...request, ...fileOf(engine) }, engine);
    rows.push({ engine: engine.id, threads, round, ...speed });
    const { prefill, decode, takes } = speed;
    print(engine, threads, `prompt ${prefill.toFixed(1)}, decode ${decode.toFixed(1)} tok/s, takes: ${takes}${note}`);
  } catch (error) {
    if (!engine.isPeer) throw error;
    noteMissing(
      results,
      `${engine.label}, ${engine.weights}, in round ${round + 1}, threads: ${threads}${note}`,
      error,
    );
  }
}

async function measureOwn({ results, request }: Run, engine: Engine, round: number): Promise<void> {
  for (const threads of results.threads) {
    const answer = await ask<OwnAnswer>("wkv-own.ts", { ...request, ...fileOf(engine), threads }, engine);
    results.own.push({ engine: engine.id, threads, round, ...answer });
    const { share, bandwidth, gain } = answer;
    const sessions = `eight sessions ${gain.toFixed(2)}×`;
    print(engine, threads, `share ${share.toFixed(3)} of ${bandwidth.toFixed(1)} GB/s, ${sessions}`);
  }
}

/** The first two numbers of threads while other processes keep cores busy. */
async function measureBusy({ results, request }: Run, round: number): Promise<void> {
  // Engines whose threads spin are very slow here: few tokens, and none in a browser, which would take minutes a prompt.
  const short = { ...request, decode: Math.min(request.decode, BUSY_DECODE) };
  const [{ weights } = {}] = results.engines;
  const engines = results.engines.filter((engine) => !engine.needsBrowser && engine.weights === weights);
  await whileBusy(async () => {
    for (const engine of rotated(engines, round)) {
      for (const threads of results.threads.slice(0, 2))
        await measureSpeed(results, engine, { ...short, threads }, round, results.busy, ", cores busy");
    }
  });
}

export async function measureLong({ results, request }: Run, position: number): Promise<void> {
  const threads = results.threads.at(-1) ?? 1;
  const [engine] = results.engines;
  if (!engine) return;
  console.log(`position ${position}`);
  const question = { ...request, ...fileOf(engine), threads, position };
  const answer = await ask<LongAnswer>("wkv-long.ts", question, { node: engine.node, verbose: true });
  results.long = { ...answer, position, threads };
}

/** Keeps the reason why something is not measured. */
export function noteMissing(results: Results, what: string, error: unknown): void {
  const reason = `${what}: ${error instanceof Error ? error.message : error}`;
  results.missing.push(reason.split("\n")[0] ?? reason);
  console.error(reason);
}

function fileOf({ model, weights }: Engine) {
  return { model, weights };
}

function print({ label, weights }: Engine, threads: number, text: string): void {
  console.log(`  ${label.padEnd(22)} ${weights} ${threads} thread${threads > 1 ? "s" : " "}  ${text}`);
}

/** The same list, begun at another place. */
function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}
