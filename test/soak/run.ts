import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Usage } from "./memory.ts";

export interface LongSession {
  readonly tokens: number;
  /** Of the last logits and the state. */
  readonly hash: string;
  readonly early: Usage;
  readonly late: Usage;
}
export interface Loads {
  readonly count: number;
  readonly early: Usage;
  readonly late: Usage;
}
export interface Sessions {
  readonly count: number;
  /** Prompts that began in the prefix cache. */
  readonly hits: number;
  /** Numbers of the sessions whose results differ from those alone. */
  readonly different: readonly number[];
}
export interface Schedules {
  readonly count: number;
  readonly different: number;
  /** Of the logits that all of them should have. */
  readonly hash: string;
}

export interface Ends {
  readonly count: number;
  readonly phases: number;
  /** Threads and phases that did not end in an error of the engine. */
  readonly wrong: readonly string[];
}

export interface ServerLoad {
  readonly seconds: number;
  readonly clients: number;
  /** How often each thing was done. */
  readonly seen: Readonly<Record<string, number>>;
  /** Answers that were not the expected ones. */
  readonly wrong: readonly string[];
  readonly early: Usage;
  readonly late: Usage;
  /** Exit code of the server. */
  readonly code: number | null;
}

export const longSession = (tokens: number, seed: number, threads: number) =>
  run<LongSession>("long-session.ts", tokens, seed, threads);
export const loads = (count: number) => run<Loads>("loads.ts", count);
export const sessions = (count: number, seed: number) => run<Sessions>("sessions.ts", count, seed);
export const serverLoad = (seconds: number, clients: number, seed: number) =>
  run<ServerLoad>("server-load.ts", seconds, clients, seed);

/** @param kernels "debug": where threads are delayed at random; else the usual ones, all alike */
export const schedules = (count: number, kernels: "debug" | "usual") =>
  runWith<Schedules>({ WKV_WASM: kernels }, "schedules.ts", count);

/** @param step 1: threads end in every phase */
export const ends = (threads: number, feeds: number, step: number) =>
  runWith<Ends>({ WKV_WASM: "debug" }, "ends.ts", threads, feeds, step);

/** Runs one of this folder's programs in a process of its own. @returns what it prints as JSON */
function run<T>(program: string, ...args: readonly number[]): Promise<T> {
  return runWith({}, program, ...args);
}

async function runWith<T>(env: NodeJS.ProcessEnv, program: string, ...args: readonly number[]): Promise<T> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, ["--expose-gc", "--import", "tsx", path, ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`${program} ended with code ${code}`);
  return JSON.parse(printed) as T;
}
