import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Time of the last change of a file or of anything in a folder. @param {string} path @returns {number} */
export function changed(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const names = readdirSync(path).filter((name) => name !== "node_modules");
  return Math.max(0, ...names.map((name) => changed(join(path, name))));
}
