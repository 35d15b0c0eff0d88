/** A folder in which wkv is installed from the tarball that users get, and a server for what runs in it. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempFolder } from "../support/temp-folder.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Packs wkv and unpacks it into `node_modules` of a new folder, with its dependencies beside it. */
export function makeConsumer(): { folder: string; tarball: string } {
  const folder = tempFolder("consumer");
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", ROOT, "--json", "--ignore-scripts"], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      shell: process.platform === "win32",
    }),
  );
  const tarball = join(folder, packed.filename);
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "wkv"), { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", join(modules, "wkv"), "--strip-components=1"]);
  cpSync(fileURLToPath(new URL("app", import.meta.url)), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies))
    cpSync(join(ROOT, "node_modules", name), join(modules, name), { recursive: true });
  return { folder, tarball };
}

/** A folder of examples/, in the consumer's, with the installed wkv in it. */
export function copyExample(consumer: string, name: string): string {
  const copy = mkdtempSync(join(consumer, `${name}-`));
  cpSync(join(ROOT, "examples", name), copy, { recursive: true });
  symlinkSync(join(consumer, "node_modules"), join(copy, "node_modules"), "junction");
  return copy;
}

/** Puts packages of test/runtimes, and all that they depend on, beside the consumer's wkv: copies, as npm leaves them. */
export function copyPackages(consumer: string, names: readonly string[]): void {
  const installed = fileURLToPath(new URL("node_modules", import.meta.url));
  for (const name of names) {
    const copy = join(consumer, "node_modules", name);
    // What belongs to another platform is not installed.
    if (existsSync(copy) || !existsSync(join(installed, name))) continue;
    cpSync(join(installed, name), copy, { recursive: true });
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(copy, "package.json"), "utf8"));
    copyPackages(consumer, Object.keys({ ...dependencies, ...optionalDependencies }));
  }
}
