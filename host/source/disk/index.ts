import { fileURLToPath } from "node:url";
import { diskStore } from "../cache/disk-store.ts";
import { bundledModel } from "./bundled.ts";
import { fileSource } from "./file.ts";
import { proxyFetch } from "./proxy.ts";
import { readFile } from "./read.ts";
import { saveFile } from "./write.ts";

/** Access to the file system: Node, Deno and Bun. */
const nodeFiles = { bundledModel, fileSource, readFile, saveFile, fileURLToPath, diskStore, proxyFetch };
export type Files = typeof nodeFiles;

/** Undefined if the runtime has no file system. */
export const files: Files | undefined = nodeFiles;
