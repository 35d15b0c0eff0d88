import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { THINK_MODES } from "../chat/template.ts";
import { SETTINGS } from "./chat-settings.ts";

/** What a command's argument can be, for Tab. */
const ARGUMENTS: Readonly<Record<string, (start: string, chats: Iterable<string>) => Iterable<string>>> = {
  set: () => SETTINGS,
  think: () => THINK_MODES,
  switch: (_, chats) => chats,
  save: files,
  load: files,
};

/** Completions of a line, and the part of it that they replace. */
export function complete(line: string, commands: Iterable<string>, chats: Iterable<string>): [string[], string] {
  const [, name, argument] = /^\/(\S*)(?:\s+(.*))?$/s.exec(line) ?? [];
  if (name === undefined) return [[], line];
  if (argument === undefined)
    return [
      startingWith(
        line,
        [...commands].map((command) => `/${command}`),
      ),
      line,
    ];
  return [startingWith(argument, [...(ARGUMENTS[name]?.(argument, chats) ?? [])]), argument];
}

function startingWith(start: string, words: readonly string[]): string[] {
  return words.filter((word) => word.startsWith(start));
}

function files(start: string): string[] {
  const folder = start.endsWith("/") ? start : dirname(start);
  const prefix = start.includes("/") ? folder : "";
  try {
    return readdirSync(folder)
      .filter((name) => start.endsWith("/") || name.startsWith(basename(start)))
      .map((name) => join(prefix, name) + (statSync(join(folder, name)).isDirectory() ? "/" : ""));
  } catch {
    return [];
  }
}
