/** Constraints at the command line, and the examples of docs/constrained.md. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { PROGRAM, runProgram } from "../../support/cli-program.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const DOCUMENT = await readFile(join(ROOT, "docs/constrained.md"), "utf8");
const SCHEMA = { type: "object", properties: { id: { type: "integer", minimum: 1, maximum: 9 } }, required: ["id"] };

const folder = tempFolder("constraint");
before(async () => {
  const model = syntheticModel({ layers: 1, width: 64, headSize: 32, vocabSize: 256 });
  await writeFile(join(folder, "model.safetensors"), model);
  await writeFile(join(folder, "schema.json"), JSON.stringify(SCHEMA));
  await mkdir(join(folder, "node_modules"));
  await symlink(ROOT, join(folder, "node_modules", "wkv"), "junction");
  await writeFile(join(folder, "wkv"), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`, { mode: 0o755 });
});

const run = (...args: string[]) => runProgram(["run", "model.safetensors", "Say:", ...args], folder);

test("--schema as JSON and as a file, --regex, --choice", async () => {
  for (const schema of ["schema.json", JSON.stringify(SCHEMA)]) {
    const { stdout, stderr, code } = await run("--schema", schema, "--whitespace", "none", "--seed", "3");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\{"id":[1-9]\}\n$/);
    assert.match(stderr, /made 8 .*; the text is complete; seed 3\n$/);
  }
  assert.match((await run("--regex", "[ab]{3}→")).stdout, /^[ab]{3}→\n$/);
  assert.match((await run("--choice", "yes", "--choice", "no", "--temperature", "0")).stdout, /^(yes|no)\n$/);
});

test("a cut is told, to people and to programs", async () => {
  assert.match(
    (await run("--schema", "schema.json", "-n", "3")).stderr,
    /--max-tokens reached, and the text is not complete;/,
  );
  const { stdout } = await run("--schema", "schema.json", "-n", "3", "--json");
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  assert.deepEqual([last.reason, last.complete], ["length", false]);
});

test("what is wrong is said in one line, before a model is loaded", async () => {
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["--regex", "a", "--choice", "b"], 2, /^wkv: give one of --schema, --regex and --choice/],
    [["--whitespace", "none"], 2, /^wkv: --whitespace requires --schema/],
    [
      ["--schema", "{}", "--whitespace", "much"],
      2,
      /^wkv: --whitespace expected one of none, space, lines, got much\n$/,
    ],
    [["--schema", "none.json"], 2, /^wkv: --schema none\.json cannot be read: ENOENT/],
    [["--schema", "{"], 2, /^wkv: --schema cannot be read: .*JSON/],
    [["--schema", '{"not":{}}'], 1, /^wkv: The JSON schema at #: "not" is not supported; supported are type, /],
    [["--regex", "("], 1, /^wkv: the regular expression: there is a \( without its \)/],
  ];
  for (const [args, code, message] of cases) {
    const result = await runProgram(["run", "no-model.pth", "x", ...args], folder);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
    assert.equal(result.stderr.split("\n").length, 2);
    assert.equal(result.stdout, "");
  }
});

/** The code blocks of a language. */
function blocks(language: string): string[] {
  return [...DOCUMENT.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!);
}

async function execute(command: string, args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  assert.equal(code, 0, err);
  return out;
}

test("the examples of the document run", { skip: process.platform === "win32" && "they are for sh" }, async () => {
  const [program, alone] = blocks("js");
  await writeFile(join(folder, "program.mjs"), program!);
  assert.match(await execute(process.execPath, ["program.mjs"]), /^(merry|grim)\n$/);
  await writeFile(join(folder, "alone.mjs"), alone!);
  assert.equal(await execute(process.execPath, ["alone.mjs"]), "0 -Infinity false false\n");
  const commands = blocks("sh").flatMap((block) => block.trim().split("\n"));
  const texts = await Promise.all(commands.map((command) => execute("sh", ["-c", command])));
  assert.match(texts[0]!, /^ (yes|no)\n$/);
  assert.match(texts[1]!, /^\d{4}-\d{2}-\d{2}\n$/);
  assert.equal(typeof JSON.parse(texts[2]!).name, "string");
});
