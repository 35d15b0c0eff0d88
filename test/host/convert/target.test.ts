/** Where `wkv convert` writes: the file is there as a whole or not at all. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { convertModel } from "wkv";
import { PROGRAM, runProgram } from "../../support/cli-program.ts";
import { convert, folder } from "../../support/converting.ts";
import { SMALL, SMALL_IDS, symbol, symbols } from "../../support/models.ts";
import { refused } from "../../support/refused.ts";

describe("the file is there as a whole or not at all", () => {
  test("an abort, a missing folder and a full disk leave the old file", async () => {
    const inside = mkdtempSync(join(folder, "whole-"));
    const path = join(inside, "model");
    writeFileSync(path, "old");
    const controller = new AbortController();
    const onProgress = ({ loaded, total }: { loaded: number; total: number }) => {
      if (loaded > total / 2) controller.abort(new Error("enough"));
    };
    const options = { vocab: null, threads: 1, signal: controller.signal, onProgress };
    await assert.rejects(convertModel(SMALL, path, options), /enough/);
    assert.equal(readFileSync(path, "utf8"), "old");
    assert.deepEqual(readdirSync(inside), ["model"]);
    const nowhere = join(inside, "none", "model");
    await assert.rejects(
      convertModel(SMALL, nowhere, { vocab: null }),
      refused("not-saved", /none.* cannot be written/),
    );
    mkdirSync(join(inside, "folder"));
    await assert.rejects(
      convertModel(SMALL, join(inside, "folder"), { vocab: null }),
      refused("not-saved", /is a directory/),
    );
    assert.deepEqual(readdirSync(inside), ["folder", "model"]);
  });

  test("a URL, and a stream of any runtime", async () => {
    const path = await convert(SMALL, "path");
    const url = pathToFileURL(join(folder, "url"));
    await convertModel(SMALL, url, { vocab: null });
    assert.deepEqual(readFileSync(url), readFileSync(path));
    const chunks: Uint8Array[] = [];
    const stream = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) });
    await convertModel(SMALL, stream, { vocab: null });
    assert.deepEqual(Buffer.concat(chunks), readFileSync(path));
  });

  test("a stream that fails", async () => {
    const stream = new WritableStream({ write: () => Promise.reject(new Error("quota exceeded")) });
    await assert.rejects(convertModel(SMALL, stream, { vocab: null }), /quota exceeded/);
  });
});

test("a disk that is full", { skip: process.platform === "win32" && "the limit is the shell's" }, async () => {
  const inside = mkdtempSync(join(folder, "full-"));
  const script = 'trap \'\' XFSZ; ulimit -f 100; exec "$0" "$1" convert "$2" out --no-vocab --json';
  const { status, stdout } = spawnSync("sh", ["-c", script, process.execPath, PROGRAM, SMALL], { cwd: inside });
  assert.equal(status, 1);
  const { error } = JSON.parse(stdout.toString());
  assert.equal(error.code, "no-space");
  assert.match(error.message, /is full \(EFBIG\) at out: free some space/);
  assert.deepEqual(readdirSync(inside), []);
});

test("the program converts, reports and refuses", async () => {
  const args = (...more: string[]) => runProgram(["convert", SMALL, "out", ...more], folder);
  writeFileSync(join(folder, "symbols.txt"), symbols(SMALL_IDS));
  const done = await args("--vocab", "symbols.txt");
  assert.deepEqual([done.code, done.stdout], [0, ""], done.stderr);
  assert.match(done.stderr, /^wkv: out: 0\.\d MB, weights as int8, with its symbols vocabulary\n$/);
  const text = await runProgram(["run", "out", symbol(3), "-n", "5"], folder);
  assert.equal(text.code, 0, text.stderr);
  const json = JSON.parse((await args("--no-vocab", "--weights", "f32", "--json")).stdout);
  assert.deepEqual(Object.keys(json), ["bytes", "weights"]);
  const same = await runProgram(["convert", "out", "./out"], folder);
  assert.deepEqual([same.code, same.stderr], [2, "wkv: IN and OUT are the same file: give another OUT.\n"]);
  assert.match((await args()).stderr, /Give it with --vocab FILE/);
});
