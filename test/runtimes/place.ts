import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Server } from "./server.ts";

/** Where a runtime runs something: the folder that wkv is installed in, and the server of it and of the data. */
export interface Place {
  readonly folder: string;
  readonly server: Server;
}

/** Far more than anything here takes. */
export const PATIENCE_MS = 240_000;

/** Runs a program until it ends. @returns what it printed @throws Error with what it said, when it fails */
export async function output(command: string, args: readonly string[], cwd: string, env = {}): Promise<string> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, timeout: PATIENCE_MS });
  child.stdin.end();
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${out}${err}`);
  return out;
}

/** Starts a program that stays, with all that it starts in turn. @returns the process and how to end all of it */
export function startGroup(command: string, args: readonly string[], cwd: string, env = {}): Group {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  return {
    child,
    said: () => said,
    async end() {
      if (child.exitCode !== null || !child.pid) return;
      process.kill(-child.pid, "SIGTERM");
      await once(child, "exit");
    },
  };
}

export interface Group {
  readonly child: ChildProcess;
  /** All that it has printed so far. */
  said(): string;
  end(): Promise<void>;
}

/** Asks again until it answers. @throws Error with what `said` gives, when it never does */
export async function retry<T>(attempt: () => Promise<T>, said: () => string = () => ""): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS / 4; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw new Error(`${error}\n${said()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
