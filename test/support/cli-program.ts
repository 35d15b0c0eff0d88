import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The program as the build makes it. */
export const PROGRAM = fileURLToPath(new URL("../../build/cli.js", import.meta.url));

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `wkv` started with pipes for everything. */
export function startProgram(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, stdio: "pipe", env: { ...process.env, ...env } });
  child.stdin.on("error", () => {}); // it may end before it has read everything
  return child;
}

/** Runs `wkv` to its end. */
export function runProgram(args: readonly string[], cwd: string, input: string | Uint8Array = ""): Promise<Result> {
  const child = startProgram(args, cwd);
  child.stdin.end(input);
  return outcome(child);
}

/** What a program that runs says until its end. */
export function outcome(child: ReturnType<typeof startProgram>): Promise<Result> {
  const result: Result = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (result.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (result.stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...result, code }));
  });
}

/** The values in NDJSON. */
export function ndjson(text: string) {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** One line on standard error that starts with the program's name, and nothing on standard output. */
export function expectFailure(result: Result, code: number, message: RegExp): void {
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, message);
  assert.match(result.stderr, /^wkv: [^\n]+\n$/, "one line");
  assert.equal(result.stdout, "");
}
