/** The runtimes that wkv is for: where each is on this machine, and how it is made to run something. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type OpenPage, openChromium, openFirefox, openWebKit, report } from "./browsers.ts";
import { output, type Place } from "./place.ts";
import { wranglerDev } from "./workerd.ts";

export interface Runtime {
  readonly name: string;
  /** Its version as it says itself; undefined when it is not on this machine. */
  readonly version: string | undefined;
  /** Whether pages come with the headers that let threads share memory; true where there are no pages. */
  readonly isolated: boolean;
  /** Does a work of app/works.js, with options for loadModel, in a runtime started with `flags`. */
  run(place: Place, work: string, options?: object, flags?: readonly string[]): Promise<unknown>;
}

/** What to do about a runtime that is missing. */
export const HOW_TO_GET =
  "npm run runtimes:install gets Node, Deno, Bun and workerd; the browsers are Debian's chromium, firefox-esr, and " +
  "webkit2gtk-driver with xvfb";

const MODULES = fileURLToPath(new URL("node_modules", import.meta.url));
const MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";

export const deno = installed("@deno/linux-x64-glibc/deno") ?? onPath("deno");
export const bun = installed("@oven/bun-linux-x64/bin/bun") ?? onPath("bun");
export const wrangler = installed("wrangler/bin/wrangler.js");
export const vite = installed("vite/bin/vite.js");
export const vite7 = installed("vite7/bin/vite.js");
export const esbuild = installed("esbuild/bin/esbuild");
export const webpack = installed("webpack/bin/webpack.js") && installed("webpack-cli/bin/cli.js");
export const rollup = installed("rollup/dist/bin/rollup");
export const next = installed("next/dist/bin/next");
export const svelteKit = installed("@sveltejs/kit/package.json") && vite;
export const jest = installed("jest/bin/jest.js");
export const lambda = installed("aws-lambda-ric/index.mjs");
export const publint = installed("publint/src/cli.js");
export const attw = installed("@arethetypeswrong/cli/dist/index.js");
export const chromium = installed("playwright-core") && onPath("chromium");
export const firefox = installed("puppeteer-core") && onPath("firefox-esr");
export const webkit = onPath("xvfb-run") && onPath("WebKitWebDriver") && existing(MINI_BROWSER);
export const nodes = new Map([20, 22, 24].map((major) => [major, findNode(major)]));

export const RUNTIMES: readonly Runtime[] = [
  ...[...nodes].map(([major, program]) => command(`Node ${major}`, program, [])),
  command("Deno", deno, ["run", "--allow-all"]),
  command("Bun", bun, []),
  workerd(),
  ...page("Chromium", versionOf(chromium), chromium, openChromium),
  ...page("Firefox", versionOf(firefox), firefox, openFirefox),
  ...page("WebKitGTK", webkit && versionOf("dpkg-query", ["-W", "webkit2gtk-driver"]), webkit, openWebKit),
];

function command(name: string, program: string | undefined, args: readonly string[]): Runtime {
  return {
    name,
    version: versionOf(program),
    isolated: true,
    async run({ folder, server }, work, options = {}, flags = []) {
      const words = [...args, ...flags, "run.mjs", server.base, work, JSON.stringify(options)];
      return JSON.parse(await output(program as string, words, folder));
    },
  };
}

function workerd(): Runtime {
  const node = nodes.get(24) ?? nodes.get(22);
  return {
    name: "workerd",
    version: node && versionOf(installed("@cloudflare/workerd-linux-64/bin/workerd")),
    isolated: true,
    async run({ folder, server }, work, options = {}, flags = []) {
      const { base, group } = await wranglerDev(node as string, wrangler as string, folder, flags);
      try {
        const query = new URLSearchParams({ base: server.base, work, options: JSON.stringify(options) });
        const response = await fetch(`${base}/?${query}`);
        if (!response.ok) throw new Error(`${await response.text()}\n${group.said()}`);
        return await response.json();
      } finally {
        await group.end();
      }
    },
  };
}

function page(name: string, version: string | undefined, program: string | undefined, open: OpenPage): Runtime[] {
  const run: Runtime["run"] = (place, work, options = {}, flags = []) => {
    const query = new URLSearchParams({ work, options: JSON.stringify(options) });
    return report((path) => open(path, flags), program as string, place, `/page.html?${query}`);
  };
  return [
    { name, version, isolated: true, run },
    { name: `${name}, without the headers`, version, isolated: false, run },
  ];
}

function findNode(major: number): string | undefined {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  return installed(`node${major}/bin/node`);
}

function installed(path: string): string | undefined {
  return existing(join(MODULES, path));
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

/** The number in the first line that a program prints about itself. */
function versionOf(program: string | undefined, args = ["--version"]): string | undefined {
  if (!program) return undefined;
  const said = execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return /\d+\.[\d.]+/.exec(said)?.[0] ?? said.trim();
}
