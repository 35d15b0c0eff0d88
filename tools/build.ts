// assembly/ → build/wkv.wasm and wkv.relaxed.wasm (asc, then wasm-opt); host/ → build/*.js (esbuild), once for Node, Deno
// and Bun, once for browsers, once for workerd; declarations (tsc).
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { bundleDeclarations } from "./api/bundle.ts";
import { changed } from "./changed.mjs";
import { ENTRIES } from "./entries.ts";
import { runTool } from "./run.ts";

const WASM_FEATURES = [
  "--enable-simd",
  "--enable-threads",
  "--enable-bulk-memory",
  "--enable-nontrapping-float-to-int",
  "--enable-sign-ext",
  "--enable-mutable-globals",
];

/** Packages that a user installs who needs them. */
const PEERS = ["@langchain/core/*", "ioredis", "bullmq"];
/** Folders of the packages whose code is in the builds. */
const bundled = new Set<string>();

/** The modules take most of a build's time: they are kept unless their sources changed, or `--force` is given. */
const MODULES = ["sample", "sha256", "wkv", "wkv.relaxed"];
const MODULE_SOURCES = ["assembly", "asconfig.json", "package-lock.json", "tools/build.ts"];
const kept = process.argv.includes("--force") ? [] : MODULES.filter(isUpToDate);

clear("build", new Set(kept.flatMap((name) => [`${name}.wasm`, `${name}.ts`])));
await Promise.all([unlessKept("sample", buildEmbedded), unlessKept("sha256", buildEmbedded)]);
await Promise.all([
  unlessKept("wkv", buildModule),
  unlessKept("wkv.relaxed", (name) => buildModule(name, "relaxed-simd")),
]);
await writeInlined();
await Promise.all([buildNode(), buildBrowser(), buildWorkerd(), buildDeclarations()]);
writeLicenses();
writeFileSync("build/built", "");
console.error(`wkv: built; wkv.wasm has ${(statSync("build/wkv.wasm").size / 1000).toFixed(1)} KB`);

function isUpToDate(name: string): boolean {
  return changed(`build/${name}.wasm`) > Math.max(...MODULE_SOURCES.map(changed));
}

async function unlessKept(name: string, make: (name: string) => Promise<void>): Promise<void> {
  if (!kept.includes(name)) await make(name);
}

/** Leaves the files with these names. */
function clear(folder: string, names: ReadonlySet<string>): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (!names.has(name)) rmSync(`${folder}/${name}`, { recursive: true });
  }
}

/** @param feature that this build has beyond those of asconfig.json */
async function buildModule(name: string, feature?: string): Promise<void> {
  const raw = `build/${name}.raw.wasm`;
  await runTool("asc", ["--target", "release", "--outFile", raw, ...(feature ? ["--enable", feature] : [])]);
  const features = feature ? [...WASM_FEATURES, `--enable-${feature}`] : WASM_FEATURES;
  await runTool("wasm-opt", [raw, "-O4", ...features, "-o", `build/${name}.wasm`]);
  rmSync(raw);
}

/** A small separate module, as a file and as text in a module, so that it needs no fetch. */
async function buildEmbedded(name: string): Promise<void> {
  const raw = `build/${name}.raw.wasm`;
  const options = ["-O3", "--noAssert", "--runtime", "stub", "--enable", "simd,bulk-memory", "--use", "abort="];
  await runTool("asc", [`assembly/${name}.ts`, "--config", "none", ...options, "-o", raw]);
  await runTool("wasm-opt", [raw, "-O4", ...WASM_FEATURES, "-o", `build/${name}.wasm`]);
  const bytes = readFileSync(`build/${name}.wasm`).toString("base64");
  writeFileSync(
    `build/${name}.ts`,
    `export const ${name.toUpperCase()}_WASM =
  "${bytes}";
`,
  );
  rmSync(raw);
}

/** The modules and the code of a thread as text in a module, for programs in one file. */
async function writeInlined(): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: ["host/platform/node-worker.ts"],
    bundle: true,
    write: false,
    minify: true,
    platform: "node",
    format: "cjs",
    target: "es2022",
  });
  const texts = {
    PLAIN: readFileSync("build/wkv.wasm").toString("base64"),
    RELAXED: readFileSync("build/wkv.relaxed.wasm").toString("base64"),
    WORKER: outputFiles[0]?.text ?? "",
  };
  const lines = Object.entries(texts).map(
    ([name, text]) => `export const ${name}: string = ${JSON.stringify(text)};\n`,
  );
  writeFileSync("build/inlined.ts", lines.join(""));
}

/** Dependencies stay outside: they are installed with the package. */
async function buildNode(): Promise<void> {
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const external = ["node:*", ...PEERS, ...Object.keys(dependencies)];
  await buildHost({ entryPoints: { ...ENTRIES, inline: "host/inline/index.ts" }, external });
  // On its own: what entry points share is split into a file for each set of them, and each file takes half a
  // millisecond of the start.
  await buildHost({ entryPoints: { cli: "host/cli/main.ts" }, external });
  await buildWorker("worker", "host/platform/node-worker.ts", { external });
}

/** All that a page needs, since nothing resolves names there; the libraries for NeoX and Jinja in separate files. */
async function buildBrowser(): Promise<void> {
  await buildHost({
    entryPoints: entriesFor("browser"),
    conditions: ["browser"],
    external: PEERS,
    minify: true, // a page without a bundler loads these as they are
  });
  await buildWorker("browser-worker", "host/platform/browser-worker.ts", { conditions: ["browser"], minify: true });
}

/** In one piece, because some bundlers' users copy it. */
async function buildWorker(name: string, entry: string, options: BuildOptions): Promise<void> {
  await buildHost({ ...options, entryPoints: { [name]: entry }, splitting: false });
}

async function buildWorkerd(): Promise<void> {
  await buildHost({
    entryPoints: entriesFor("workerd"),
    conditions: ["workerd"],
    external: ["*.wasm", ...PEERS],
  });
}

/** @returns "browser" for the main entry, "browser-chat" for "chat" and so on, where there is an own build of it */
function entriesFor(platform: "browser" | "workerd"): Record<string, string> {
  const named = Object.entries(ENTRIES).map(([name, path]) => [
    name === "index" ? platform : `${platform}-${name}`,
    path,
  ]);
  const { "browser-sampler": _, ...entries } = Object.fromEntries(named); // Node's runs in pages as well
  return entries;
}

/** What tsc writes for every file, bundled to what users import. */
async function buildDeclarations(): Promise<void> {
  await runTool("tsc", ["-p", "tsconfig.build.json"]);
  await bundleDeclarations("build/declarations", "build/types");
  rmSync("build/declarations", { recursive: true });
}

async function buildHost(options: BuildOptions): Promise<void> {
  const { metafile } = await build({
    metafile: true,
    outdir: "build",
    bundle: true,
    splitting: true,
    // Beside the entry points: shared code finds the modules and the worker from where it is itself.
    chunkNames: "[name]-[hash]",
    format: "esm",
    target: "es2022",
    platform: "neutral",
    logLevel: "warning",
    ...options,
  });
  noteBundled(metafile as Metafile);
}

/** Notes whose code a build contains. */
function noteBundled({ inputs }: Metafile): void {
  for (const input of Object.keys(inputs)) {
    const folder = /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder) bundled.add(folder);
  }
}

/** Licences have to go with the code that is in the builds. */
function writeLicenses(): void {
  const texts = [...bundled].sort().map((folder) => {
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    return `${name} ${version}: ${license}\n\n${file ? readFileSync(`${folder}/${file}`, "utf8").trim() : ""}\n`;
  });
  writeFileSync("build/LICENSES.txt", texts.join("\n\n"));
}
