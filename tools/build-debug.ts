// npm run build:debug: assembly/ → build/wkv.debug.wasm, with asserts, names and a source map, for WKV_WASM=debug.
import { fileURLToPath } from "node:url";
import { changed } from "./changed.mjs";
import { runTool } from "./run.ts";

const SOURCES = ["assembly", "asconfig.json", "package-lock.json"];

/** Unless it is newer than its sources. */
export async function buildDebug(): Promise<void> {
  if (changed("build/wkv.debug.wasm") < Math.max(...SOURCES.map(changed))) await runTool("asc", ["--target", "debug"]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildDebug();
