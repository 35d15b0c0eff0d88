/** `wkv chat` on a pseudo-terminal of every runtime that has one: their readlines differ in lines, history and raw mode. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { missing } from "../support/missing.ts";
import { Terminal } from "../support/terminal.ts";
import { bun, deno, HOW_TO_GET, nodes } from "./runtimes.ts";

const folder = mkdtempSync(join(tmpdir(), "wkv-terminals-"));
after(() => rmSync(folder, { recursive: true }));

const TYPED = "one two";
const PASTED = ["Anna has a ball.\nTom has a cat.\nWhat?", "a\tb é日😀\n\nend"];

const RUNTIMES: readonly (readonly [name: string, program: string | undefined, ...args: string[]])[] = [
  ...[...nodes].map(([major, node]) => [`Node ${major}`, node] as const),
  ["Deno", deno, "run", "--allow-all"],
  ["Bun", bun],
];
for (const [name, program, ...args] of RUNTIMES)
  test(`typed and pasted messages, Tab and the history in ${name}`, {
    skip: missing(program, HOW_TO_GET),
  }, async () => {
    const cache = join(folder, `${name}`);
    const open = () =>
      new Terminal(["chat", "box", "-q", "-n", "1"], {
        cwd: folder,
        env: { XDG_CACHE_HOME: cache },
        runtime: [program as string, ...args],
      });
    const terminal = open();
    await terminal.type("> ", `${TYPED}\r`);
    for (const text of PASTED) await terminal.type("> ", `\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~\r`);
    await terminal.type("> ", "\x1b[A\r");
    await terminal.type("> ", "/tok");
    await terminal.type("/tok", "\t");
    await terminal.type("ens", "\r");
    await terminal.type("tokens;");
    await terminal.type("> ", "/save said.json\r");
    await terminal.type("saved");
    await terminal.type("> ", "\x04");
    assert.equal(await terminal.exit(), 0);
    assert.deepEqual(messages(), [TYPED, ...PASTED, ...PASTED.slice(-1)]);

    const again = open();
    await again.type("> ", "\x1b[A\x1b[A\x1b[A"); // /save, /tokens, the last message
    await again.type("end", "\r");
    await again.type("> ", "/save said.json\r");
    await again.type("saved");
    await again.type("> ", "\x03");
    await again.type("Ctrl-C again", "\x03");
    assert.equal(await again.exit(), 0);
    assert.deepEqual(messages(), PASTED.slice(-1));
  });

function messages(): string[] {
  const said: { role: string; content: string }[] = JSON.parse(readFileSync(join(folder, "said.json"), "utf8"));
  return said.filter(({ role }) => role === "user").map(({ content }) => content);
}
