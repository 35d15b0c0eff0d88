import { setTimeout as sleep } from "node:timers/promises";
import pty from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { PROGRAM } from "./cli-program.ts";

/** Far more than anything here takes. */
const PATIENCE_MS = 60_000;

export interface TerminalOptions {
  readonly cwd: string;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What runs the program, with its arguments; default: this Node. */
  readonly runtime?: readonly string[];
}

/** `wkv` on a real pseudo-terminal, whose screen an emulator draws. */
export class Terminal {
  /** All that the program has written. */
  written = "";
  readonly #child: pty.IPty;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  readonly #exit: Promise<number>;
  #seen = 0;

  constructor(args: readonly string[], { cwd, columns = 80, env = {}, runtime = [process.execPath] }: TerminalOptions) {
    const [command = "", ...before] = runtime;
    const size = { cols: columns, rows: 50 };
    const { NO_COLOR: _, FORCE_COLOR: __, ...outer } = process.env;
    this.#screen = new xterm.Terminal({ ...size, allowProposedApi: true, scrollback: 10_000 });
    this.#child = pty.spawn(command, [...before, PROGRAM, ...args], {
      ...size,
      name: env.TERM ?? "xterm-256color",
      cwd,
      env: { ...outer, ...env },
    });
    this.#child.onData((text) => {
      this.written += text;
      this.#screen.write(text);
    });
    this.#exit = new Promise((resolve) => this.#child.onExit(({ exitCode }) => resolve(exitCode)));
  }

  /** Types keys once the program has written `after`, since the last wait. */
  async type(after: string, keys = ""): Promise<void> {
    const until = Date.now() + PATIENCE_MS;
    for (let at = -1; ; await sleep(5)) {
      at = this.written.indexOf(after, this.#seen);
      if (at >= 0) {
        this.#seen = at + after.length;
        break;
      }
      if (Date.now() > until) throw new Error(`never saw ${JSON.stringify(after)} in ${JSON.stringify(this.written)}`);
    }
    if (keys) this.send(keys);
  }

  send(keys: string | Buffer): void {
    this.#child.write(keys as string); // its types lack the Buffer that it takes
  }

  /** The exit code, once the program has ended. */
  exit(): Promise<number> {
    return this.#exit;
  }

  /** The lines of the screen and of what has scrolled off it. */
  async lines(): Promise<string[]> {
    await new Promise<void>((resolve) => this.#screen.write("", resolve));
    const { active } = this.#screen.buffer;
    const lines = Array.from({ length: active.length }, (_, i) => active.getLine(i)?.translateToString(true) ?? "");
    return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
  }

  end(): void {
    this.#child.kill();
  }
}
