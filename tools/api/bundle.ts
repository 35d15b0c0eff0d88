// Declarations of the package's entry points, each in one file with what several share beside it: nothing of what is
// behind them. Reads what tsc wrote for every file of host/.
import { copyFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Plugin, rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import { ENTRIES } from "../entries.ts";

const GLOBALS = ["AbortSignal", "URL", "Blob", "WritableStream", "ReadableStream", "Request", "Response"];

/** @param from folder of tsc's declarations @param to folder for the package's */
export async function bundleDeclarations(from: string, to: string): Promise<void> {
  const input = Object.entries(ENTRIES).map(([name, path]) => [name, resolve(from, path.replace(/\.ts$/, ".d.ts"))]);
  const bundle = await rollup({
    input: Object.fromEntries(input),
    external: (id) => /^[@\w]/.test(id),
    plugins: [globals(), dts()],
    onwarn: ({ code, message }) => {
      if (code === "UNUSED_EXTERNAL_IMPORT") return; // a comment names a class of the web
      throw new Error(`declarations: ${message}`);
    },
  });
  await bundle.write({
    dir: to,
    paths: { globals: "./globals.js" },
    entryFileNames: "[name].d.ts",
    chunkFileNames: ({ name }) => `shared-${name.replace(/\.d$/, "")}.d.ts`,
  });
  copyFileSync(fileURLToPath(new URL("globals.d.ts", import.meta.url)), join(to, "globals.d.ts"));
}

/** Imports the web's classes where they are named; asks for the library that `using` needs. */
function globals(): Plugin {
  return {
    name: "globals",
    transform(code) {
      const used = GLOBALS.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
      return used.length > 0 ? `import type { ${used.join(", ")} } from "globals";\n${code}` : undefined;
    },
    renderChunk: (code) =>
      /\bSymbol\.(asyncD|d)ispose\b/.test(code) ? `/// <reference lib="esnext.disposable" />\n${code}` : undefined,
  };
}
