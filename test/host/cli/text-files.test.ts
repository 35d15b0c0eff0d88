/** Text files with byte-order marks, as Windows' editors and PowerShell write them, and an output that is full. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { textOf } from "../../../host/source/text.ts";
import { PROGRAM, runProgram } from "../../support/cli-program.ts";
import { missing } from "../../support/missing.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wkv-text-"));
  await writeFile(
    join(folder, "m.safetensors"),
    syntheticModel({ layers: 1, width: 64, headSize: 32, vocabSize: 256 }),
  );
});
after(() => rm(folder, { recursive: true }));

const utf16 = (text: string, isBig: boolean) => {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return isBig ? bytes.swap16() : bytes;
};
const marks: Record<string, (text: string) => Uint8Array> = {
  "UTF-8": (text) => Buffer.from(`\ufeff${text}`),
  "UTF-16 LE": (text) => utf16(text, false),
  "UTF-16 BE": (text) => utf16(text, true),
};
const wkv = (args: readonly string[], input?: string | Uint8Array) => runProgram(args, folder, input);

for (const [name, marked] of Object.entries(marks))
  test(`a byte-order mark of ${name} is no text`, async () => {
    assert.equal(textOf(marked("é{}")), "é{}");
    await writeFile(join(folder, "schema.json"), marked('{"type":"integer"}'));
    const run = await wkv(["run", "m.safetensors", "A", "--schema", "schema.json", "-n", "3", "-q"]);
    assert.equal(run.code, 0, run.stderr);
    const ids = async (input: string | Uint8Array) => (await wkv(["tokenize", "-", "--vocab", "bytes"], input)).stdout;
    assert.equal(await ids(marked("User: é")), await ids("User: é"));
    await writeFile(join(folder, "talk.json"), marked('[{"role":"user","content":"hello"}]'));
    assert.match((await wkv(["chat", "m.safetensors"], "/load talk.json\n/history\n")).stdout, /0 user: hello/);
  });

test("standard input of a chat may begin with a mark", async () => {
  assert.match((await wkv(["chat", "m.safetensors"], "\ufeff/tokens\n")).stderr, /tokens; the state has/);
});

test("standard output on a full disk: one sentence", { skip: missing(existsSync("/dev/full"), "no /dev/full") }, () => {
  const line = `"${process.execPath}" "${PROGRAM}" tokenize x --vocab bytes > /dev/full`;
  const { status, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.equal(stderr, "wkv: standard output cannot be written: no space is left on the disk.\n");
});
