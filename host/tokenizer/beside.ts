// Node, Deno and Bun only.
import { stat } from "node:fs/promises";
import { dirname, join, parse } from "node:path";

/**
 * The vocabulary that lies beside a model file. Their formats are told by their contents, so `vocab.txt` may be
 * a World vocabulary as well as symbols. In this order:
 *
 * 1. `MODEL.vocab.txt` for `MODEL.pth` and the like: made for this model
 * 2. `vocab.txt`: made for the models of this folder
 * 3. `rwkv_vocab_v20230424.txt`, `rwkv_vocab_v20230424.json`: World as published
 * 4. `tokenizer.json`, `20B_tokenizer.json`: Hugging Face's format, as published
 *
 * @returns its path, or undefined when there is none
 */
export async function findVocabBeside(modelPath: string): Promise<string | undefined> {
  const names = [
    `${parse(modelPath).name}.vocab.txt`,
    "vocab.txt",
    "rwkv_vocab_v20230424.txt",
    "rwkv_vocab_v20230424.json",
    "tokenizer.json",
    "20B_tokenizer.json",
  ];
  for (const name of names) {
    const path = join(dirname(modelPath), name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
  }
  return undefined;
}
