// assembly/ → build/wkv.wasm (asc, then wasm-opt); host/ → build/*.js (esbuild) with declarations (tsc).
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { runTool } from "./run.ts";

const WASM_FEATURES = [
  "--enable-simd",
  "--enable-threads",
  "--enable-bulk-memory",
  "--enable-nontrapping-float-to-int",
  "--enable-sign-ext",
  "--enable-mutable-globals",
];

rmSync("build", { recursive: true, force: true });
mkdirSync("build");
await Promise.all([buildModule(), buildHost(), runTool("tsc", ["-p", "tsconfig.build.json"])]);
writeFileSync("build/built", "");
console.error(`wkv: built; wkv.wasm has ${(statSync("build/wkv.wasm").size / 1000).toFixed(1)} KB`);

async function buildModule(): Promise<void> {
  await runTool("asc", ["--target", "release"]);
  await runTool("wasm-opt", ["build/wkv.raw.wasm", "-O4", ...WASM_FEATURES, "-o", "build/wkv.wasm"]);
  rmSync("build/wkv.raw.wasm");
}

async function buildHost(): Promise<void> {
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  await build({
    entryPoints: {
      index: "host/index.ts",
      tokenizer: "host/tokenizer/index.ts",
      sampler: "host/sampler.ts",
      worker: "host/platform/node-worker.ts",
      cli: "host/cli/main.ts",
    },
    outdir: "build",
    bundle: true,
    splitting: true,
    // Beside the entry points: shared code finds wkv.wasm and worker.js from where it is itself.
    chunkNames: "[name]-[hash]",
    format: "esm",
    target: "es2022",
    platform: "neutral",
    external: ["node:*", ...Object.keys(dependencies)],
    sourcemap: true,
    logLevel: "warning",
  });
}
