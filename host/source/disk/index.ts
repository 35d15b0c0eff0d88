import { fileURLToPath } from "node:url";
import type { Store } from "../cache/store.ts";
import { bundledModel } from "./bundled.ts";
import { fileSource } from "./file.ts";
import { proxyFetch } from "./proxy.ts";
import { readFile } from "./read.ts";
import type { saveFile } from "./write.ts";

/** Access to the file system: Node, Deno and Bun. What loading a file does not need is imported when it is used. */
const nodeFiles = {
  bundledModel,
  fileSource,
  readFile,
  fileURLToPath,
  proxyFetch,
  diskStore: async (directory?: string): Promise<Store> =>
    (await import("../cache/disk-store.ts")).diskStore(directory),
  saveFile: async (...file: Parameters<typeof saveFile>): Promise<void> =>
    (await import("./write.ts")).saveFile(...file),
};
export type Files = typeof nodeFiles;

/** Undefined if the runtime has no file system. */
export const files: Files | undefined = nodeFiles;
