import { mkdir, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { bundledPath } from "./bundled.ts";

/**
 * The model of commands that are given none: WKV_MODEL, else what `wkv use` chose, else the one that comes with wkv.
 * @returns undefined where there is none of these
 */
export async function defaultModel(): Promise<string | undefined> {
  return (await chosenModel()) ?? bundledPath();
}

/** What WKV_MODEL or `wkv use` says; undefined: nothing. */
export async function chosenModel(): Promise<string | undefined> {
  if (process.env.WKV_MODEL) return process.env.WKV_MODEL;
  const text = await readFile(choiceFile(), "utf8").catch(() => "");
  return text.trim() || undefined;
}

/** @param model undefined: the bundled one again */
export async function chooseModel(model: string | undefined): Promise<void> {
  const file = choiceFile();
  if (model === undefined) return rm(file, { force: true });
  await mkdir(dirname(file), { recursive: true });
  const bytes = new TextEncoder().encode(`${model}\n`);
  const { saveFile } = await import("../source/disk/write.ts");
  await saveFile(file, [bytes], bytes.length);
}

/** In the user's configuration directory. The XDG specification says to ignore a relative path. */
function choiceFile(): string {
  const configured = process.env.XDG_CONFIG_HOME;
  const folder = configured && isAbsolute(configured) ? configured : join(homedir(), ".config");
  return join(folder, "wkv", "model");
}
