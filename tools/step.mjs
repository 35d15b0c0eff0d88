import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Says what is done, and does it; ends the program when it fails.
 * @param {string} what @param {string} command @param {string[]} args @param {string} [folder] within the project
 */
export function step(what, command, args, folder = ".") {
  console.error(`wkv: ${what} ...`);
  const { status, error } = spawnSync(command, args, {
    cwd: join(root, folder),
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status === 0) return;
  console.error(`wkv: ${what} failed${error ? `: ${error.message}` : ""}. Fix the error above and try again.`);
  process.exit(1);
}
