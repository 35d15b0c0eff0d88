/** Nothing out of a file, a vocabulary or a model reaches a terminal raw: every command on a real pseudo-terminal. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chainModel } from "../../support/chain-model.ts";
import { rawSafetensors } from "../../support/make-checkpoints.ts";
import { Terminal } from "../../support/terminal.ts";

/** Clear the screen, as C0 and as C1; a title; colours; text from right to left. */
const ATTACKS = ["\x1b[2J", "\x9b2J", "\x1b]0;title\x07", "\x1b[31m", "\u202e", "\u2066", "\x7f", "\x08"];
const ATTACK = ATTACKS.join("");
const shown = (written: string) => ATTACKS.filter((attack) => written.includes(attack));

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wkv-controls-"));
  const { model, vocab } = await chainModel({ ":": [` a${ATTACK}`, " b"] });
  await writeFile(join(folder, "evil.safetensors"), model);
  await writeFile(join(folder, "evil.vocab.txt"), vocab);
  const entry = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const header = JSON.stringify({ [`name${ATTACK}\nrow`]: entry, __metadata__: { [ATTACK]: ATTACK } });
  await writeFile(
    join(folder, "names.safetensors"),
    rawSafetensors(header, [new Uint8Array(4)], BigInt(Buffer.byteLength(header))),
  );
  await writeFile(join(folder, "prompt.txt"), `User: ${ATTACK}\n\nUser: x `);
  await writeFile(join(folder, "messages.json"), JSON.stringify([{ role: "user", content: `x${ATTACK}` }]));
  await writeFile(join(folder, "schema.json"), JSON.stringify({ type: ATTACK }));
  await mkdir(join(folder, "wkv/hf_org_repo"), { recursive: true });
  const record = {
    address: `hf:org/${ATTACK}`,
    asked: [],
    main: "m",
    files: [{ path: "m", size: 1 }],
    fetched: ATTACK,
  };
  await writeFile(join(folder, "wkv/hf_org_repo/wkv.json"), JSON.stringify(record));
  await writeFile(join(folder, "wkv/hf_org_repo/m"), "1");
  await writeFile(join(folder, "wkv/chat-history"), `${JSON.stringify(`earlier${ATTACK}`)}\n`);
});
after(() => rm(folder, { recursive: true }));

const open = (args: readonly string[]) =>
  new Terminal(args, { cwd: folder, columns: 200, env: { XDG_CACHE_HOME: folder, NO_COLOR: "1" } });

const commands: Record<string, readonly string[]> = {
  run: ["run", "evil.safetensors", "x:", "-n", "5"],
  "run --json": ["run", "evil.safetensors", "x:", "-n", "5", "--json"],
  inspect: ["inspect", "names.safetensors", "--tensors", "--stats"],
  "inspect --json": ["inspect", "names.safetensors", "--tensors", "--json"],
  "tokenize --decode": ["tokenize", "--decode", "257,258", "--model", "evil.safetensors"],
  "tokenize --json": ["tokenize", "--decode", "257,258", "--model", "evil.safetensors", "--json"],
  "prompt --check": ["prompt", "--check", "prompt.txt"],
  "prompt --fix": ["prompt", "--fix", "prompt.txt"],
  cache: ["cache"],
  "cache --json": ["cache", "--json"],
  perplexity: ["perplexity", "evil.safetensors", "prompt.txt"],
  "a wrong schema": ["run", "evil.safetensors", "x:", "--schema", "schema.json"],
  "a wrong command": [`run${ATTACK}`],
  "a wrong file": ["run", `nowhere${ATTACK}.pth`, "x"],
};

for (const [name, args] of Object.entries(commands))
  test(name, async () => {
    const terminal = open(args);
    await terminal.exit();
    assert.ok(terminal.written.length > 0);
    assert.deepEqual(shown(terminal.written), [], JSON.stringify(terminal.written));
  });

test("chat: answers, /history, /edit and what was typed in earlier chats", async () => {
  const terminal = open(["chat", "evil.safetensors", "--load", "messages.json", "-q"]);
  await terminal.type("> ", "/history\r");
  await terminal.type("> ", "/edit 0\r");
  await terminal.type("x\ufffd", "\x15\x1b[A\x1b[A\x1b[A"); // the message to be edited is there: away with it, and two commands back
  await terminal.type("earlier", "\x15Hi\r");
  await terminal.type("> ", "\x04");
  await terminal.exit();
  assert.deepEqual(shown(terminal.written.replaceAll("\x1b[2J", "")), [], JSON.stringify(terminal.written));
});
