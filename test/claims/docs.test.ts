/** Every example of the README and of docs/ runs: what is fenced as `js` is a program, what is fenced as `sh` a script. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { PROGRAM } from "../support/cli-program.ts";
import { tempFolder } from "../support/temp-folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENTS = ["README.md", ...(await readdir(join(ROOT, "docs"))).map((name) => `docs/${name}`)].filter((path) =>
  path.endsWith(".md"),
);

for (const path of DOCUMENTS) {
  const examples = examplesOf(await readFile(join(ROOT, path), "utf8"));
  if (examples.length === 0) continue;

  // In the order in which they stand, in one folder: an example may go on with what the one before has written.
  describe(`the examples of ${path} run`, () => {
    let folder = "";
    before(async () => {
      folder = await userFolder();
    });

    for (const [i, { language, code }] of examples.entries()) {
      const skip = language === "sh" && process.platform === "win32" && "it is for sh";
      test(`${i + 1}: ${summary(code)}`, { skip }, async () => {
        if (language === "sh") return void (await run(folder, "sh", ["-e", "-c", code]));
        await writeFile(join(folder, `example${i}.mjs`), code);
        assert.notEqual(await run(folder, process.execPath, [`example${i}.mjs`]), "");
      });
    }
  });
}

test("the README has examples", async () => {
  const languages = examplesOf(await readFile(join(ROOT, "README.md"), "utf8")).map(({ language }) => language);
  assert.ok(languages.filter((language) => language === "js").length >= 4);
  assert.ok(languages.filter((language) => language === "sh").length >= 2);
});

/**
 * The blocks that are fenced as js or sh and nothing more: "js page" is no example that runs here. Nor are npm's
 * scripts, which need the whole project.
 */
function examplesOf(document: string): { language: string; code: string }[] {
  return [...document.matchAll(/^```(js|sh)\n(.*?)^```$/gms)]
    .map(([, language, code]) => ({ language: language!, code: code! }))
    .filter(({ language, code }) => language === "js" || !/^npm /m.test(code));
}

function summary(code: string): string {
  const lines = code.trim().split("\n");
  return lines.find((line) => !/^(import|#|\/\/|$)/.test(line)) ?? lines[0]!;
}

/** A folder with a small model, model.safetensors, and an installed wkv. */
async function userFolder(): Promise<string> {
  const folder = tempFolder("docs");
  const model = syntheticModel({ layers: 1, width: 64, headSize: 32, vocabSize: 256 });
  await writeFile(join(folder, "model.safetensors"), model);
  await mkdir(join(folder, "node_modules"));
  await symlink(ROOT, join(folder, "node_modules", "wkv"), "junction");
  await writeFile(join(folder, "wkv"), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`, { mode: 0o755 });
  return folder;
}

/** Runs a command in the folder; it must end well. @returns what it printed */
async function run(folder: string, command: string, args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  assert.equal(code, 0, err);
  return out;
}
