import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Choices } from "./choices.ts";
import type { Seeds } from "./seeds.ts";

/** What a case hands to wkv: a file's bytes (or a text as UTF-8), or the files of a folder. */
export type Input = Uint8Array | Readonly<Record<string, Uint8Array>>;

/** A door of wkv that takes what others made. */
export interface Target {
  make(choose: Choices, seeds: Seeds): Input;
  /** Ends, or throws a WkvError, or a TypeError or RangeError that names the wrong argument; anything else is a fault. */
  run(input: Input, seeds: Seeds): Promise<unknown>;
}

const utf8 = new TextEncoder();

export function fromText(text: string): Uint8Array {
  return utf8.encode(text);
}

export function bytesOf(input: Input): Uint8Array {
  if (input instanceof Uint8Array) return input;
  throw new TypeError("this target takes the bytes of one file");
}

export function textOf(input: Input): string {
  return new TextDecoder().decode(bytesOf(input));
}

/** Writes a case's files into a folder of its own, which the next case replaces. @returns the folder's path */
export function written(input: Input, seeds: Seeds): string {
  const folder = join(seeds.folder, "case");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const files = input instanceof Uint8Array ? { model: input } : input;
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}
