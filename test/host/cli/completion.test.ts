/** Tab in real shells: a person types half a word, presses Tab, and the shell completes it with the help of wkv. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pty from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { PROGRAM, runProgram } from "../../support/cli-program.ts";
import { missing } from "../../support/missing.ts";

const PATIENCE_MS = 30_000;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wkv-tab-"));
  await writeFile(join(folder, "wkv"), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
  await chmod(join(folder, "wkv"), 0o755);
  await writeFile(join(folder, "small model.gguf"), "");
});
after(() => rm(folder, { recursive: true }));

const SHELLS = [
  ["bash", ["--norc", "--noprofile", "-i"], "source <(wkv completion bash)"],
  ["zsh", ["-f", "-i"], "autoload -U compinit; compinit -D; source <(wkv completion zsh)"],
  ["fish", ["--no-config", "-i"], "wkv completion fish | source"],
] as const;

/** What is typed before Tab, and what the line becomes. */
const CASES = [
  ["wkv perp", "wkv perplexity "],
  ["wkv run rwkv7-g1-0.1", "wkv run rwkv7-g1-0.1b "],
  ["wkv run --weights int8 bo", "wkv run --weights int8 box "],
  ["wkv run --question", "wkv run --question-first "],
  ["wkv bench --weights int4 --si", "wkv bench --weights int4 --simd "],
  ["wkv convert --weights f", "wkv convert --weights f32 "],
  ["wkv cache r", "wkv cache rm "],
  ["wkv run sma", /wkv run small\\ model\.gguf |wkv run 'small model\.gguf' /],
] as const;

for (const [shell, args, setup] of SHELLS) {
  const path = ["/bin", "/usr/bin", "/usr/local/bin"].map((each) => join(each, shell)).find(existsSync);
  test(shell, { skip: missing(path, `${shell} is not there: apt-get install ${shell}`) }, async () => {
    const size = { cols: 120, rows: 40 };
    const screen = new xterm.Terminal({ ...size, allowProposedApi: true });
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, PS1: "> ", HOME: folder };
    const child = pty.spawn(path as string, [...args], { name: "xterm-256color", ...size, cwd: folder, env });
    let written = "";
    child.onData((text) => {
      written += text;
      screen.write(text);
    });
    screen.onData((answer) => child.write(answer)); // to what a shell asks its terminal
    const seen = async (line: string | RegExp) => {
      const until = Date.now() + PATIENCE_MS;
      while (!isMatch(lineAtCursor(screen), line)) {
        if (Date.now() > until) assert.fail(`${shell} shows ${JSON.stringify(lineAtCursor(screen))}, not ${line}`);
        await sleep(20);
      }
    };
    try {
      child.write(`${setup}; clear; printf 'ready%s' \\!\\!\r`);
      while (!written.includes("ready!!")) await sleep(20);
      for (const [typed, line] of CASES) {
        child.write(`${typed}\t`);
        await seen(line);
        child.write("\x15"); // Ctrl-U empties the line
      }
    } finally {
      child.kill("SIGKILL"); // an interactive shell ignores SIGHUP and SIGTERM
    }
  });
}

test("candidates with what they mean; nothing for a value that is free", async () => {
  const ask = async (...words: string[]) => (await runProgram(["complete", "--", ...words], folder)).stdout;
  assert.match(await ask("r"), /^run\tGenerates .*\nrm\tRemoves downloaded models\.\n$/);
  assert.match(await ask("run", "--st"), /^--state-out\t[^\n]*\n--state\t|--stop\t/m);
  assert.equal(await ask("run", "--max-tokens", ""), ":files\n");
  assert.equal(await ask("completion", ""), "bash\t\nzsh\t\nfish\t\n");
  assert.equal(await ask("run", "box", "--simd", "p"), "plain\t\n");
});

/** With the blanks before the cursor. */
function lineAtCursor({ buffer: { active } }: InstanceType<typeof xterm.Terminal>): string {
  return active.getLine(active.baseY + active.cursorY)?.translateToString(false, 0, active.cursorX) ?? "";
}

function isMatch(shown: string, line: string | RegExp): boolean {
  return typeof line === "string" ? shown.endsWith(line) : line.test(shown);
}
