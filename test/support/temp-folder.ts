import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new folder, removed when the process ends: after all `after` hooks have closed what uses it. */
export function tempFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `wkv-${name}-`));
  folders.push(folder);
  return folder;
}
