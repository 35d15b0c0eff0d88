import { fileURLToPath } from "node:url";
import { templateBeside } from "../../chat/beside.ts";
import { findVocabBeside } from "../../tokenizer/beside.ts";
import { readVocabFile } from "../../tokenizer/file.ts";
import { diskStore } from "../cache/disk-store.ts";
import { fileSource } from "./file.ts";
import { saveFile } from "./write.ts";

/** What needs a file system: on Node, Deno and Bun. */
const nodeFiles = {
  fileSource,
  saveFile,
  fileURLToPath,
  readVocabFile,
  findVocabBeside,
  templateBeside,
  diskStore,
};
export type Files = typeof nodeFiles;

/** Undefined where there are no files. */
export const files: Files | undefined = nodeFiles;
