/** `wkv chat` and `wkv prompt`, with pipes and in a terminal. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { chainModel } from "../../support/chain-model.ts";
import { ndjson, outcome, type Result, runProgram, startProgram } from "../../support/cli-program.ts";
import { FAIRY } from "../../support/models.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const folder = tempFolder("chat");
before(async () => {
  const { model, vocab } = await chainModel({
    ":": [" Hi.", "\nI am here.", "\n\nUs", "er:"],
    k: [">Hm.", "</think>\nYes.", "\n\nUse", "r:"],
  });
  await writeFile(join(folder, "rwkv7-g1.safetensors"), model);
  await writeFile(join(folder, "rwkv7-g1.vocab.txt"), vocab);
  const endless = await chainModel({ ":": [" on", " and"] }, true);
  await writeFile(join(folder, "endless.safetensors"), endless.model);
  await writeFile(join(folder, "endless.vocab.txt"), endless.vocab);
});

const talk = (lines: readonly string[], ...options: string[]): Promise<Result> =>
  runProgram(["chat", "rwkv7-g1.safetensors", ...options], folder, `${lines.join("\n")}\n`);

const ANSWER = "Hi.\nI am here.\n";

test("every line is a message; answers go to standard output, the rest to standard error", async () => {
  const result = await talk(["Hello", "", "And?"]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout, ANSWER + ANSWER);
  assert.match(
    result.stderr,
    /^(wkv: read \d+ tokens \([\d.]+\/s\), made 4 \([\d.]+\/s\); the next turn would begin\n){2}$/,
  );
  assert.equal((await talk(["Hello"], "--quiet")).stderr, "");
});

test("messages of several lines; // begins one with a slash", async () => {
  const { stdout } = await talk(["a\\", "b", '"""', "c", "/d", '"""', "//e", "/history"], "-q");
  assert.equal(
    stdout.replaceAll(ANSWER, ""),
    "0 user: a\nb\n1 assistant: 2 user: c\n/d\n3 assistant: 4 user: /e\n5 assistant: ",
  );
});

test("--json: a line for each piece, the last of an answer says how it went", async () => {
  const { stdout } = await talk(["Hello"], "--json", "--think", "on");
  const pieces = ndjson(stdout);
  assert.equal(pieces.map(({ text }) => text).join(""), "Yes.");
  assert.equal(pieces.map(({ thinking }) => thinking).join(""), "Hm.");
  const { stop, usage } = pieces.at(-1);
  assert.equal(stop, "stop");
  assert.ok(usage.completionTokens === 4 && usage.promptTokens > 0 && usage.completionTokensPerSecond > 0);
});

test("commands", async () => {
  const commands = [
    "Hello",
    "/edit Good day",
    "/fork other",
    "More",
    "/switch main",
    "/history",
    "/fork",
    "/system Be brief.",
    "/think a lot",
    "Why?",
    "/regenerate",
    "/history",
    "/reset",
    "/history",
  ]; // prettier-ignore
  const { code, stdout, stderr } = await talk(commands);
  assert.equal(code, 0, stderr);
  const rest = stdout.replaceAll("Hi.\nI am here.", "HI").replaceAll("\n", "|");
  assert.equal(
    rest,
    "HI|HI|HI|0 user: Good day|1 assistant: HI|Yes.|Yes.|0 system: Be brief.|1 user: Good day|2 assistant: HI|3 user: Why?|4 assistant: Yes.|0 system: Be brief.|",
  );
  assert.match(stderr, /chats: main, other; now in main/);
  assert.match(stderr, /\nHm\.\n/); // the thought
});

test("a chat is saved whole and gone on with", async () => {
  const first = await talk(["Hello", "/save one.chat", "/save one.json", "/save nowhere/x.chat", "More"]);
  assert.match(
    first.stderr,
    /saved 2 messages to one\.chat\n.*saved 2 messages to one\.json\n.*cannot be written \(ENOENT\)/s,
  );
  assert.deepEqual(JSON.parse(await readFile(join(folder, "one.json"), "utf8")), [
    { role: "user", content: "Hello" },
    { role: "assistant", content: "Hi.\nI am here." },
  ]);
  for (const file of ["one.chat", "one.json"]) {
    const later = await talk(["/history", "More", "/load missing", `/load ${file}`, "/history"], "--load", file);
    assert.equal(later.stdout, `0 user: Hello\n1 assistant: ${ANSWER}${ANSWER}0 user: Hello\n1 assistant: ${ANSWER}`);
    assert.match(later.stderr, /missing cannot be read/);
  }
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith(".tmp")),
    [],
  );
  await writeFile(join(folder, "bad.json"), '[{"role":"bot","content":"x"}]');
  assert.match(
    (await talk(["/load bad.json", "x"])).stderr,
    /bad\.json has no messages \("messages\[0\]" expected a role/,
  );
  await writeFile(join(folder, "bad.chat"), "nonsense");
  const bad = await talk(["x"], "--load", "bad.chat");
  assert.deepEqual([bad.code, bad.stdout], [1, ""]);
  assert.match(bad.stderr, /not a saved chat/);
});

test("the same seed gives the same chat, each answer by a seed of its own", async () => {
  const run = () => runProgram(["chat", FAIRY, "--seed", "4", "-n", "12", "-q"], folder, "Hello\n/regenerate\n");
  const [one, two] = [await run(), await run()];
  assert.equal(one.stdout, two.stdout);
  const [answer, other] = one.stdout.split("\n");
  assert.notEqual(answer, other);
});

test("wrong usage and wrong commands are told", async () => {
  const { stdout, stderr, code } = await talk([
    "/nonsense",
    "/think hard",
    "/edit 7 x",
    "/regenerate",
    "/switch x",
    "/save",
    "/help",
  ]);
  assert.deepEqual([code, stdout], [0, ""]);
  for (const message of [
    /\/nonsense is not a command/,
    /\/think is off; it can be/,
    /there is no message 7/,
    /there is no message yet/,
    /no chat x/,
    /the file is missing/,
    /\/regenerate +another answer/,
  ])
    assert.match(stderr, message); // prettier-ignore
  const usage = async (options: string[], message: RegExp) => {
    const result = await talk(["x"], ...options);
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, message);
  };
  await usage(["--think", "hard"], /--think expected off/);
  await usage(["--template", "nowhere"], /--template expected raven, world, g1 or a file/);
  await usage(["--top-p", "7"], /--top-p expected/);
});

test("--template takes a Jinja file, or a tokenizer_config.json", async () => {
  const jinja = "{% for m in messages %}{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}think{% endif %}";
  const hub = join(folder, "hub");
  await mkdir(hub);
  await writeFile(join(folder, "some.jinja"), jinja);
  await writeFile(join(hub, "tokenizer_config.json"), JSON.stringify({ chat_template: jinja }));
  for (const name of ["rwkv7-g1.safetensors", "rwkv7-g1.vocab.txt"])
    await copyFile(join(folder, name), join(hub, name));
  // No "<think" is in this opening, so all is an answer.
  const expected = ">Hm.</think>\nYes.\n";
  for (const file of ["some.jinja", "hub/tokenizer_config.json"]) {
    const { stdout } = await talk(["Hello"], "--template", file, "-q", "--stop", "\n\nUser:");
    assert.equal(stdout, expected);
  }
  // Beside a model, as in the folders of Hugging Face, it needs no option.
  const beside = await runProgram(["chat", "hub/rwkv7-g1.safetensors", "-q", "--stop", "\n\nUser:"], folder, "Hi\n");
  assert.equal(beside.stdout, expected);
});

test("Ctrl-C ends the answer, not the chat", { skip: process.platform === "win32" && "no signals" }, async () => {
  const child = startProgram(["chat", "endless.safetensors", "-n", "1000000"], folder);
  const finished = outcome(child);
  let shown = "";
  child.stdout.on("data", (text: string) => {
    if (shown === "") setTimeout(() => child.kill("SIGINT"), 50);
    shown += text;
  });
  child.stdin.write("Hello\n/history\n");
  child.stdin.end();
  const { code, stdout, stderr } = await finished;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Ctrl-C ended the answer; \/continue continues it/);
  assert.match(stdout, / (?:on|and)\n0 user: Hello\n1 assistant: on and on/);
});

test("/continue continues with an answer that was cut", async () => {
  const { code, stdout, stderr } = await talk(["/continue", "Hello", "/continue", "/history"], "-n", "1");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "Hi.\n\nI am here.\n0 user: Hello\n1 assistant: Hi.\nI am here.\n");
  assert.match(stderr, /there is no answer to continue/);
  assert.match(stderr, /--max-tokens reached, \/continue continues/);
});

test("wkv prompt --check and --fix", async () => {
  const run = (args: string[], input = "") => runProgram(["prompt", ...args], folder, input);
  const broken = "User: x\r\n\r\nAssistant: ";
  await writeFile(join(folder, "prompt.txt"), broken);
  const checked = await run(["--check", "prompt.txt"]);
  assert.equal(checked.code, 1);
  assert.match(checked.stdout, /^prompt\.txt:1:8: End lines .* \(line-end\)\n/);
  assert.match(checked.stdout, /prompt\.txt:3:11: Remove the space after "Assistant:".* \(trailing-space\)\n$/);
  const json = JSON.parse((await run(["--check", "--json", "-"], broken)).stdout);
  assert.deepEqual(Object.keys(json[0]), ["index", "length", "message", "replacement", "rule", "line", "column"]);
  const fixed = await run(["--fix", "prompt.txt"]);
  assert.deepEqual([fixed.code, fixed.stdout, fixed.stderr], [0, "User: x\n\nAssistant:", ""]);
  const good = await run(["--check", "-e", "User: x\\n\\nAssistant:"]);
  assert.deepEqual([good.code, good.stdout], [0, ""]);
  assert.equal((await run(["--fix", "User: x\n\nAssistant:", "--template", "raven"])).stdout, "Bob: x\n\nAlice:");
  assert.match((await run(["--fix", "User:\n\nAssistant:"])).stderr, /prompt:1:1: The turn of "User" is empty/);
  for (const args of [["x"], ["--check"], ["--check", "--fix", "x"], ["--check", "x", "--template", "y"]])
    assert.equal((await run(args)).code, 2);
});
