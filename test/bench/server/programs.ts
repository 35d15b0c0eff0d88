// The servers that are measured, each in a process of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startServe } from "../../support/serve-program.ts";

export interface Program {
  readonly base: string;
  stop(): Promise<void>;
}

export interface Settings {
  readonly model: string;
  readonly threads: number;
  /** Texts at the same time. */
  readonly clients: number;
}

export async function startWkv({ model, threads, clients }: Settings): Promise<Program> {
  const counts = ["--parallel", clients, "--waiting", clients, "--threads", threads, "--prefix-cache", 0];
  const { child, base } = await startServe([model, "--max-tokens", "100000", ...counts.map(String)], ".");
  return { base, stop: () => ended(child) };
}

/** @param peers the folder that node-llama-cpp is installed in */
export async function startLlama({ model, threads, clients }: Settings, peers: string): Promise<Program> {
  const path = fileURLToPath(new URL("llama-wire.ts", import.meta.url));
  const args = ["--import", "tsx", path, model, peers, threads, clients].map(String);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const port = await Promise.race([
    once(child.stdout, "data").then(([data]) => Number(String(data))),
    once(child, "close").then(() => Promise.reject(new Error("node-llama-cpp ended"))),
  ]);
  return { base: `http://127.0.0.1:${port}/v1`, stop: () => ended(child) };
}

async function ended(child: { kill(signal: "SIGKILL"): boolean }): Promise<void> {
  const closed = once(child as unknown as NodeJS.EventEmitter, "close");
  child.kill("SIGKILL");
  await closed;
}
