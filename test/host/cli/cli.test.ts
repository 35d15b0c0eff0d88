import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { loadModel } from "wkv";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { expectFailure, ndjson, outcome, runProgram, startProgram } from "../../support/cli-program.ts";
import { tempFolder } from "../../support/temp-folder.ts";

// A model of random weights with the bytes as its vocabulary: told by its 256 rows.
const MODEL = syntheticModel({ layers: 2, width: 64, headSize: 32, vocabSize: 256 });

const folder = tempFolder("cli");
before(async () => {
  await writeFile(join(folder, "model.safetensors"), MODEL);
});

const wkv = (args: string[], input?: string | Uint8Array) => runProgram(args, folder, input);
const run = (args: string[], input?: string | Uint8Array) => wkv(["run", "model.safetensors", ...args], input);

/** What `run` prints of a text: its last line is ended. */
function asLines(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

test("run streams the text and nothing else to standard output", async () => {
  const args = ["Once upon", "--max-tokens", "20", "--seed", "5"];
  const plain = await run(args);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(
    plain.stderr,
    /^wkv: read 9 tokens \([\d.]+\/s\), made 20 \([\d.]+\/s\); --max-tokens reached; seed 5\n$/,
  );
  const pieces = ndjson((await run([...args, "--json", "--threads", "1"])).stdout);
  const text = pieces.map((piece) => piece.text ?? "").join("");
  assert.equal(plain.stdout, asLines(text), "the same for any number of threads");
  assert.equal((await run([...args, "--quiet"])).stderr, "");
});

test("run --json: a line for each piece, then how it went", async () => {
  const result = await run(["ab", "--json", "--logprobs", "-n", "3"]);
  assert.deepEqual([result.code, result.stderr], [0, ""]);
  const [first, , , last, ...more] = ndjson(result.stdout);
  assert.deepEqual(Object.keys(first), ["text", "token", "logprob"]);
  assert.ok(first.logprob < 0);
  assert.deepEqual(Object.keys(last), ["reason", "read", "made", "seed", "readPerSecond", "madePerSecond"]);
  assert.deepEqual([last.reason, last.read, last.made, more.length], ["length", 2, 3, 0]);
  const again = ndjson((await run(["ab", "--json", "-n", "3", "--seed", String(last.seed)])).stdout);
  assert.equal(again[2].token, ndjson(result.stdout)[2].token, "the seed that was reported gives the same text");
  const greedy = ndjson((await run(["ab", "--json", "-n", "1", "-t", "0"])).stdout);
  assert.equal("seed" in greedy[1], false);
});

test("run --question-first and --read-twice arrange a prompt of text", async () => {
  const options = ["--question-first", "--read-twice", "--logits", "--json"];
  const arranged = await run(["A king.\nWho?", ...options]);
  assert.equal(
    arranged.stdout,
    (await run(["-e", "Who?\\n\\nA king.\\n\\nWho?\\n\\nA king.", "--logits", "--json"])).stdout,
  );
  assert.equal(arranged.stdout, (await run(["-", ...options], "A king.\nWho?\n")).stdout);
  expectFailure(await run(["--tokens", "1", "--read-twice"]), 2, /require a text prompt/);
});

test("run --stop ends before the text, with escapes too", async () => {
  const greedy = ndjson((await run(["ab", "--json", "-n", "40", "-t", "0"])).stdout);
  const text = greedy.map((piece) => piece.text ?? "").join("");
  const at = 3;
  const stop = text.slice(at, at + 2);
  const stopped = await run(["ab", "-t", "0", "--stop", "never", "--stop", stop]);
  assert.equal(stopped.stdout, asLines(text.slice(0, text.indexOf(stop))));
  assert.match(stopped.stderr, /; a --stop text occurred\n$/);
  const escaped = ndjson((await run(["a\\n\\\\n", "-e", "--stop", "\\n", "--json", "-n", "1"])).stdout);
  assert.equal(escaped.at(-1).read, 4);
});

test("run --logits gives the bits of the library", async () => {
  const model = await loadModel(MODEL);
  const expected = await model.createSession().feed([34, 105, 110]);
  await model.dispose();
  const json = await run(["--tokens", "34,105,110", "--logits", "--json", "--threads", "3"]);
  assert.deepEqual([json.code, json.stderr], [0, ""]);
  assert.deepEqual(Float32Array.from(JSON.parse(json.stdout)), expected);
  const text = await run(["--tokens", "34 105 110", "--logits"]);
  assert.deepEqual(Float32Array.from(text.stdout.trimEnd().split("\n"), Number), expected);
});

test("run reads the prompt from standard input, but for its last newline", async () => {
  const [argument, input] = [await run(["Ünö", "--logits"]), await run(["-", "--logits"], "Ünö\n")];
  assert.equal(argument.code, 0, argument.stderr);
  assert.equal(input.stdout, argument.stdout);
  expectFailure(await run(["-"], "\n"), 2, /the prompt is empty/);
});

test("a file that cannot be run: one line, exit code 1", async () => {
  await writeFile(join(folder, "text.pth"), "this is no model at all");
  await writeFile(join(folder, "cut.safetensors"), MODEL.subarray(0, 5000));
  expectFailure(await wkv(["run", "nowhere.pth", "a"]), 1, /nowhere.pth does not exist: check the path/);
  await mkdir(join(folder, "empty"));
  expectFailure(await wkv(["run", "empty", "a"]), 1, /is a directory: give the model file inside it/);
  expectFailure(await wkv(["run", "text.pth", "a"]), 1, /text.pth is text, not weights/);
  expectFailure(await wkv(["inspect", "cut.safetensors"]), 1, /truncated or damaged/);
  expectFailure(await run(["a", "--vocab", "text.pth"]), 1, /no token for byte/);
  expectFailure(await run(["a", "--vocab", "nowhere.txt"]), 1, /nowhere.txt cannot be read/);
  const json = await wkv(["run", "nowhere.pth", "a", "--json"]);
  assert.equal(json.code, 1);
  assert.deepEqual(ndjson(json.stdout), [
    { error: { code: "not-found", message: "nowhere.pth does not exist: check the path." } },
  ]);
});

test("wrong usage: one line, exit code 2", async () => {
  expectFailure(await run([]), 2, /PROMPT is missing/);
  expectFailure(await run(["a", "--tokens", "1"]), 2, /either PROMPT or --tokens/);
  expectFailure(await run(["a", "b"]), 2, /too many arguments/);
  expectFailure(await run(["a", "--nonsense"]), 2, /unknown option '--nonsense'/);
  expectFailure(await run(["a", "--top-k", "many"]), 2, /Expected a number, got "many"/);
  expectFailure(await run(["a", "--temperature", "-1"]), 2, /--temperature expected a number >= 0, got -1/);
  expectFailure(await run(["a", "--top-p", "2"]), 2, /--top-p expected a number from 0 to 1, got 2/);
  expectFailure(await run(["a", "--max-tokens", "1.5"]), 2, /--max-tokens expected a whole number/);
  expectFailure(await run(["a", "--threads", "0"]), 2, /--threads expected a whole number from 1 to 64/);
  expectFailure(await run(["--tokens", "1,x"]), 2, /Expected token ids such as 34,105,110, got "x"/);
  expectFailure(await run(["--tokens", "256"]), 2, /--tokens expected ids from 0 to 255, got 256/);
  expectFailure(await run(["a", "--logprobs"]), 2, /--logprobs requires --json/);
  expectFailure(await wkv(["paint"]), 2, /unknown command 'paint'/);
  const json = await run(["a", "--top-p", "2", "--json"]);
  assert.equal(ndjson(json.stdout)[0].error.code, "usage");
});

test("help and version", async () => {
  const version = await wkv(["--version"]);
  assert.deepEqual([version.code, version.stderr], [0, ""]);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  for (const command of [[], ["run"], ["inspect"], ["tokenize"], ["start"]]) {
    const { code, stdout, stderr } = await wkv([...command, "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\nExamples:\n {2}\$ wkv /);
  }
  const nothing = await wkv([]);
  assert.deepEqual([nothing.code, nothing.stdout], [2, ""]);
  assert.match(nothing.stderr, /^Usage: wkv/);
});

test("tokenize, both ways", async () => {
  assert.equal((await wkv(["tokenize", "aé", "--vocab", "bytes"])).stdout, "97,195,169\n");
  assert.equal((await wkv(["tokenize", "-", "--model", "model.safetensors"], "a\n")).stdout, "97,10\n");
  assert.equal((await wkv(["tokenize", "--decode", "97,195,169", "--vocab", "bytes"])).stdout, "aé");
  assert.equal((await wkv(["tokenize", "--decode", "-", "--vocab", "bytes"], "97 98\n")).stdout, "ab");
  const described = [
    { id: 97, text: "a" },
    { id: 195, bytes: [195] },
    { id: 169, bytes: [169] },
  ];
  for (const what of [["aé"], ["--decode", "97,195,169"]])
    assert.deepEqual(ndjson((await wkv(["tokenize", ...what, "--vocab", "bytes", "--json"])).stdout), [described]);
  expectFailure(await wkv(["tokenize", "a"]), 2, /a vocabulary is missing/);
  expectFailure(await wkv(["tokenize", "--vocab", "bytes"]), 2, /give either TEXT .* or --decode/);
  expectFailure(await wkv(["tokenize", "--decode", "256", "--vocab", "bytes"]), 2, /256/);
});

test("inspect", async () => {
  const [facts] = ndjson((await wkv(["inspect", "model.safetensors", "--json", "--tensors"])).stdout);
  assert.deepEqual([facts.format, facts.bytes], ["safetensors", MODEL.length]);
  assert.deepEqual([facts.model.architecture, facts.model.width, facts.model.heads], ["rwkv7", 64, 2]);
  assert.deepEqual(facts.tokenizer, { source: "bytes", kind: "bytes", ids: 256 });
  const { places, ...first } = facts.tensors[0];
  assert.deepEqual(first, { name: "emb.weight", dtype: "F32", shape: [256, 64] });
  assert.deepEqual(places, [{ name: "emb.weight", kind: "table", format: "F32", address: places[0].address }]);
  const people = await wkv(["inspect", "model.safetensors", "--stats", "--tensors"]);
  assert.equal(people.code, 0, people.stderr);
  assert.match(people.stdout, /\n {2}model +RWKV-7\n/);
  assert.match(people.stdout, /\n {2}NaN +0, in: none\n/);
  assert.match(people.stdout, /\n {2}emb\.weight +F32 +\[256, 64\] +-0\.99\d* to 0\.99\d* +table F32\n/);
});

test("start runs a model, or random weights, and says so", async () => {
  const given = await wkv(["start", "model.safetensors", "Once", "-n", "5"]);
  assert.equal(given.code, 0, given.stderr);
  assert.match(given.stdout, /^Once/);
  assert.match(given.stderr, /^wkv: model.safetensors: RWKV-7, 2 layers of width 64, .*\nwkv: read 4 tokens/);
  const random = await wkv(["start", "--random", "-n", "5"]);
  assert.equal(random.code, 0, random.stderr);
  assert.match(random.stdout, /^Once upon a time[ -~\n]{5}\n?$/);
  assert.match(random.stderr, /the weights are random, so the text is noise/);
});

test("Ctrl-C ends the text cleanly", { skip: process.platform === "win32" }, async () => {
  const endless = ["run", "model.safetensors", "a", "-n", "100000000"];
  const [plain, json] = [startProgram(endless, folder), startProgram([...endless, "--json"], folder)];
  const results = Promise.all([outcome(plain), outcome(json)]);
  await Promise.all([plain, json].map(({ stdout }) => once(stdout, "data")));
  plain.kill("SIGINT");
  json.kill("SIGINT");
  const [text, events] = await results;
  assert.equal(text.code, 130);
  assert.match(text.stderr, /^wkv: read 1 tokens .*; ended by Ctrl-C; seed \d+\n$/);
  assert.equal(events.code, 130);
  const last = ndjson(events.stdout).at(-1);
  assert.equal(last.reason, "interrupted");
  assert.equal(last.made, ndjson(events.stdout).length - 1);
});

test("nobody reads any more: the end, without a word", async () => {
  const child = startProgram(["run", "model.safetensors", "a", "-n", "100000000", "-q"], folder);
  let stderr = "";
  child.stderr.on("data", (text) => (stderr += text));
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [code] = await once(child, "close");
  assert.deepEqual([code, stderr], [0, ""]);
});
