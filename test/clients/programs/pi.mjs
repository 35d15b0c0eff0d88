// The terminal chat and coding agent pi, without its terminal: node pi.mjs BASE_URL
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const [, , baseUrl] = process.argv;
const folder = mkdtempSync(join(tmpdir(), "wkv-pi-"));
const models = [{ id: "fairy", maxTokens: 32 }];
const wkv = { baseUrl, api: "openai-completions", apiKey: "key", models };
writeFileSync(join(folder, "models.json"), JSON.stringify({ providers: { wkv } }));

const program = fileURLToPath(new URL("../node_modules/@mariozechner/pi-coding-agent/dist/cli.js", import.meta.url));
const args = ["--print", "--provider", "wkv", "--model", "fairy", "--no-session"];
const env = { ...process.env, PI_CODING_AGENT_DIR: folder, PI_OFFLINE: "1" };
const running = promisify(execFile)(process.execPath, [program, ...args, "Tell me of a fox."], { cwd: folder, env });
running.child.stdin.end();
const { stdout } = await running;
rmSync(folder, { recursive: true });
assert.ok(stdout.trim().length > 20, stdout);
console.log("ok");
