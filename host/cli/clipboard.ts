import { spawn } from "node:child_process";
import { once } from "node:events";

/** Programs that copy standard input to the clipboard; the first one that works is used. */
const TOOLS: readonly (readonly [command: string, ...args: string[]])[] = [
  ["wl-copy"],
  ["xclip", "-selection", "clipboard"],
  ["xsel", "--clipboard", "--input"],
  ["pbcopy"],
  ["clip.exe"],
];

/** @returns whether one of the tools accepted the text */
export async function copyToClipboard(text: string): Promise<boolean> {
  for (const [command, ...args] of TOOLS) if (await pipe(command, args, text)) return true;
  return false;
}

async function pipe(command: string, args: readonly string[], text: string): Promise<boolean> {
  const child = spawn(command, args, { stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.on("error", () => {});
  child.stdin.end(text);
  return once(child, "exit").then(
    ([code]) => code === 0,
    () => false,
  );
}
