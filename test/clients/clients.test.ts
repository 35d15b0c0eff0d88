/** The programs that people have, against `wkv serve` in a process of its own. `npm run clients:install` gets them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodes } from "../runtimes/runtimes.ts";
import { missing } from "../support/missing.ts";
import { FAIRY } from "../support/models.ts";
import { type ServeProgram, startServe } from "../support/serve-program.ts";
import { tempFolder } from "../support/temp-folder.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const isInstalled = existsSync(join(HERE, "node_modules/openai/package.json"));
const skip = missing(isInstalled, "the clients are not installed: npm run clients:install");
const newerNode =
  Number.parseInt(process.versions.node, 10) >= 22 ? process.execPath : (nodes.get(24) ?? nodes.get(22));
const run = promisify(execFile);

const folder = tempFolder("clients");
let child: ServeProgram["child"];
let base = "";
before(async () => {
  const options = ["--api-key", "key", "--store", "states", "--threads", "1"];
  ({ child, base } = await startServe([FAIRY, ...options], folder));
});
after(async () => {
  child.kill("SIGTERM");
  const [code] = await once(child, "close");
  assert.equal(code, 0);
});

async function program(node: string, ...args: string[]): Promise<void> {
  const { stdout } = await run(node, [join(HERE, "programs", args[0]!), base, ...args.slice(1)], { timeout: 60_000 });
  assert.equal(stdout, "ok\n");
}

describe("wkv serve answers", { skip }, () => {
  for (const name of ["openai", "openai7"])
    test(name, () => program(newerNode && name === "openai7" ? newerNode : process.execPath, "openai.mjs", name));
  test("ai 6, and wkv/ai-sdk does", () => program(process.execPath, "ai.mjs", "ai", "@ai-sdk/openai-compatible"));
  test("ai 7, and wkv/ai-sdk does", { skip: missing(newerNode !== undefined, "ai 7 needs Node 22") }, () =>
    program(newerNode!, "ai.mjs", "ai7", "@ai-sdk/openai-compatible3"),
  );
  test("ollama", () => program(process.execPath, "ollama.mjs"));
  test("pi, a chat and coding agent", () => program(process.execPath, "pi.mjs"));
  test("LangChain's ChatOpenAI", () => program(process.execPath, "langchain.mjs"));
});

test("named states in an S3-compatible server", { skip }, () => program(process.execPath, "s3.mjs"));

test("wkv serve answers curl", { skip: missing(existsSync("/usr/bin/curl"), "there is no curl") }, async () => {
  const { stdout } = await run("sh", [join(HERE, "programs/state.sh"), base], { cwd: folder });
  assert.equal(stdout, "ok\n");
});
