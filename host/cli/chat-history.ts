import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "../source/cache/cache-folder.ts";
import { withoutControls } from "./output.ts";

const MOST = 500;

async function historyFile(): Promise<string> {
  return join(await cacheFolder(), "chat-history");
}

/** Entries of earlier chats, newest first. An unreadable file is an empty history. */
export async function readHistory(): Promise<string[]> {
  const lines = await readFile(await historyFile(), "utf8").catch(() => "");
  return lines.split("\n").flatMap(parsed).slice(-MOST).reverse();
}

/** One entry per line, as JSON. A failed write does not end a chat. */
export async function addToHistory(entry: string): Promise<void> {
  const file = await historyFile();
  try {
    await mkdir(dirname(file), { recursive: true });
    await appendFile(file, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  } catch {}
}

function parsed(line: string): string[] {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === "string" ? [withoutControls(entry)] : [];
  } catch {
    return [];
  }
}
