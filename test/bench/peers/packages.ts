import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const VERSIONS = {
  "node-llama-cpp": "3.22.1",
  "@wllama/wllama": "3.13.0",
  "@fugood/node-llama-wasm": "1.7.15",
  "playwright-core": "1.65.1",
} as const;

/** Programs of a Chromium, in the order in which they are looked for. */
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Installs the peers' packages in a folder of their own: together they are hundreds of MB. @throws Error saying what to do */
export function installPeers(folder: string): void {
  install(folder, { ...VERSIONS, [prebuilt()]: VERSIONS["node-llama-cpp"] });
}

/** llama.cpp alone, into the same folder. */
export function installLlama(folder: string): void {
  const version = VERSIONS["node-llama-cpp"];
  install(folder, { "node-llama-cpp": version, [prebuilt()]: version });
}

function install(folder: string, wanted: Readonly<Record<string, string>>): void {
  const missing = Object.entries(wanted).filter(([name, version]) => installedVersion(folder, name) !== version);
  if (missing.length === 0) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  const packages = Object.entries(wanted).map(([name, version]) => `${name}@${version}`);
  console.error(`installing ${packages.join(", ")} in ${folder} ...`);
  // Without the optional packages, which are llama.cpp for other processors and graphics cards.
  const args = ["install", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", ...packages];
  const { status } = spawnSync("npm", args, {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error("npm did not install the peers: see above, and look at the network");
}

/** The package with llama.cpp for this machine. */
function prebuilt(): string {
  const { platform, arch } = process;
  if (platform === "darwin") return `@node-llama-cpp/mac-${arch === "arm64" ? "arm64-metal" : "x64"}`;
  return `@node-llama-cpp/${platform === "win32" ? "win" : "linux"}-${arch}`;
}

function installedVersion(folder: string, name: string): string | undefined {
  const path = join(folder, "node_modules", name, "package.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).version : undefined;
}

/** A Chromium's program; on Debian it is installed if it is missing. @throws Error saying what to do */
export function findChromium(): string {
  const found = BROWSERS.find(existsSync);
  if (found) return found;
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    console.error("installing Debian's chromium ...");
    for (const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]])
      spawnSync("apt-get", args, { stdio: ["ignore", 2, 2] });
    const installed = BROWSERS.find(existsSync);
    if (installed) return installed;
  }
  throw new Error(
    "no Chromium found: install it (Debian: apt-get install chromium) or name its program: --chromium PATH",
  );
}

/** Versions of what is measured, for the report. */
export function packageVersions(): string {
  const { "playwright-core": _, ...peers } = VERSIONS;
  return Object.entries(peers)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}
