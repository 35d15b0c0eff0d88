import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Ended {
  /** Null when it did not end by itself. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** After this a process that does not end by itself is taken to hang: a hundred times what it needs. */
const HANGS_MS = 90_000;

/** Runs a TypeScript file of this folder in a process of its own, until it ends. */
export function runChild(script: string, args: readonly string[], input = "", env = {}): Promise<Ended> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", path, ...args], {
    timeout: HANGS_MS,
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
