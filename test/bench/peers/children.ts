import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** A child that takes longer hangs: wllama needs about two minutes for its slowest take. */
const LIMIT_MS = 20 * 60_000;
/** Lines of a failed child that say why. */
const REASON_LINES = 6;

export interface ChildOptions {
  /** Program that runs the child. Default: this Node. */
  node?: string | undefined;
  /** Shows what the child says on its way. */
  verbose?: boolean;
}

/** Runs a script of this folder in a process of its own. @throws Error with what it said first when it fails */
export async function ask<Answer>(script: string, request: object, options: ChildOptions = {}): Promise<Answer> {
  const child = start(script, options.node, [JSON.stringify(request)]);
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    if (options.verbose) process.stderr.write(text);
  });
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (code === 0) return JSON.parse(last);
  const reason = stderr.trim().split("\n").slice(0, REASON_LINES).join("\n");
  throw new Error(reason || `${script} ended with code ${code}, or took longer than ${LIMIT_MS / 60_000} minutes`);
}

/** Runs `work` while other processes keep all cores but one busy. */
export async function whileBusy<Result>(work: () => Promise<Result>): Promise<Result> {
  const busy = Array.from({ length: busyCores() }, () => start("busy.ts"));
  try {
    return await work();
  } finally {
    for (const child of busy) child.kill("SIGKILL");
  }
}

export function busyCores(): number {
  return Math.max(1, availableParallelism() - 1);
}

function start(script: string, node = process.execPath, args: string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const stdio = args.length > 0 ? "pipe" : "ignore";
  return spawn(node, ["--import", "tsx", path, ...args], { stdio, timeout: args.length > 0 ? LIMIT_MS : undefined });
}
