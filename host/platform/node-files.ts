import { fileURLToPath } from "node:url";
import { templateBeside } from "../chat/beside.ts";
import { findVocabBeside } from "../tokenizer/beside.ts";
import { openFileCache } from "../tokenizer/cache.ts";
import { readVocabFile } from "../tokenizer/file.ts";
import { fileSource } from "./files.ts";
import { saveFile } from "./save.ts";

/** What needs a file system: on Node, Deno and Bun. */
const nodeFiles = {
  fileSource,
  saveFile,
  fileURLToPath,
  readVocabFile,
  findVocabBeside,
  templateBeside,
  openFileCache,
};
export type Files = typeof nodeFiles;

/** Undefined where there are no files. */
export const files: Files | undefined = nodeFiles;
