import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const inRoot = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Let threads share memory. */
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  base: "./",
  plugins: [precache()],
  define: {
    __BOX_BYTES__: bytesOf("models/box/box.gguf"),
  },
  resolve: {
    alias: [
      { find: /^wkv$/, replacement: inRoot("build/browser.js") },
      ...["chat", "constraint", "measure"].map((name) => ({
        find: new RegExp(`^wkv/${name}$`),
        replacement: inRoot(`build/browser-${name}.js`),
      })),
    ],
  },
  server: { headers, host: "127.0.0.1", fs: { allow: [".."] } },
  preview: { headers, host: "127.0.0.1" },
  build: {
    outDir: inRoot("web/dist"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: inRoot("web/index.html"), sw: inRoot("web/src/sw.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        // The name of a model says how to chat with it, and its address is what links mean by it.
        assetFileNames: ({ names }) => (isModel(names[0]) ? "models/[name][extname]" : "assets/[name]-[hash][extname]"),
      },
    },
  },
});

function bytesOf(file: string): number {
  return statSync(inRoot(file)).size;
}

function isModel(name = ""): boolean {
  return /\.gguf$/.test(name);
}

/** Writes the lists of files that the page needs offline into the service worker: the models, and all others. */
function precache(): Plugin {
  return {
    name: "precache",
    apply: "build",
    generateBundle(_, bundle) {
      const files = [...Object.keys(bundle), ...readdirSync(inRoot("web/public"))];
      const models = files.filter((name) => /^models\/.*gguf$/.test(name));
      const kept = files.filter((name) => !models.includes(name) && !/^sw\.js$|\.map$/.test(name));
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("sw.js is not in the bundle");
      worker.code = worker.code
        .replace("__FILES__", JSON.stringify(["./", ...kept]))
        .replace("__MODELS__", JSON.stringify(models));
    },
  };
}
