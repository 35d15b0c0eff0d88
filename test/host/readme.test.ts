import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { PROGRAM } from "./cli-program.ts";

// Every example of the README and of docs/convert.md runs, in a folder with a small model and an installed wkv.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGES = await Promise.all(["README.md", "docs/convert.md"].map((page) => readFile(join(ROOT, page), "utf8")));

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wkv-readme-"));
  await writeFile(
    join(folder, "model.safetensors"),
    syntheticModel({ layers: 1, width: 64, headSize: 32, vocabSize: 256 }),
  );
  await mkdir(join(folder, "node_modules"));
  await symlink(ROOT, join(folder, "node_modules", "wkv"), "junction");
  await writeFile(join(folder, "wkv"), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`, { mode: 0o755 });
});
after(() => rm(folder, { recursive: true }));

/** The code blocks of a language. */
function blocks(language: string): string[] {
  return [...PAGES.join("\n").matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!);
}

/** Runs a command in the folder; it must end well. @returns what it printed */
async function run(command: string, args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  assert.equal(code, 0, err);
  return out;
}

test("the programs of the README run", async (t) => {
  assert.ok(blocks("js").length >= 4);
  for (const [i, code] of blocks("js").entries()) {
    await t.test(`example ${i + 1}`, async () => {
      await writeFile(join(folder, `example${i}.mjs`), code);
      assert.notEqual(await run(process.execPath, [`example${i}.mjs`]), "");
    });
  }
});

test("the commands of the README run", { skip: process.platform === "win32" && "they are for sh" }, async (t) => {
  const scripts = blocks("sh").filter((script) => !script.startsWith("npm "));
  assert.ok(scripts.length >= 2);
  for (const line of scripts.flatMap((script) => script.trim().split("\n")))
    await t.test(line, async () => {
      await run("sh", ["-c", line]);
    });
});
