/** Every function and class that the package exports, and what a session does, has an example in its declaration, and all run. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as wkv from "wkv";
import * as aiSdk from "wkv/ai-sdk";
import * as chat from "wkv/chat";
import * as constraint from "wkv/constraint";
import * as langchain from "wkv/langchain";
import * as measure from "wkv/measure";
import * as sampler from "wkv/sampler";
import * as server from "wkv/server";
import * as tokenizer from "wkv/tokenizer";

const ENTRIES = { wkv, tokenizer, sampler, chat, constraint, measure, server, "ai-sdk": aiSdk, langchain };
const NAMES: Record<string, unknown> = Object.assign({}, ...Object.values(ENTRIES));
const METHODS = "feed feedEach generate inspect state save saveFile fork mark rewind createSession feedAll cutHeads";

const types = fileURLToPath(new URL("../../build/types", import.meta.url));
const examples = readdirSync(types).flatMap((file) => examplesOf(readFileSync(join(types, file), "utf8")));

interface Example {
  /** The function, class, constant or method. */
  readonly of: string;
  readonly code: string;
}

function examplesOf(declarations: string): Example[] {
  const documented = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:(?:export|declare|function|class|const) )*(\w+)/g;
  return [...declarations.matchAll(documented)].flatMap(([, comment, of]) =>
    [...comment!.replaceAll(/^ *\* ?/gm, "").matchAll(/@example\n((?:(?!@\w)[\s\S])*)/g)].map(([, code]) => ({
      of: of!,
      code: code!.trim(),
    })),
  );
}

test("everything that is exported has an example", () => {
  const shown = new Set(examples.map((example) => example.of));
  const missing = [...Object.keys(NAMES), ...METHODS.split(" ")].filter((name) => !shown.has(name));
  assert.deepEqual(missing, []);
});

describe("the examples of the reference run", () => {
  const folder = mkdtempSync(join(tmpdir(), "wkv-reference-"));
  const back = process.cwd();
  let model: wkv.Model;

  before(async () => {
    process.chdir(folder);
    model = await wkv.loadModel("box", { threads: 1 });
  });
  after(async () => {
    process.chdir(back);
    await model.dispose();
    rmSync(folder, { recursive: true });
  });

  for (const { of, code } of examples)
    test(of, async () => {
      const printed: unknown[] = [];
      const scope = {
        ...NAMES,
        model,
        session: model.createSession(),
        console: { log: (...values: unknown[]) => printed.push(values) },
      };
      const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
      // A block, so that an example may name its own what is in scope.
      await new AsyncFunction(...Object.keys(scope), `{\n${code}\n}`)(...Object.values(scope));
      if (code.includes("console.log("))
        assert.ok(printed.length > 0 || /for .* cachedModels/.test(code), "nothing printed");
      scope.session.dispose();
    });
});
