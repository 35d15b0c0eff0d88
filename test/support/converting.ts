/** Conversions into a folder that is removed afterwards. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type ConvertOptions, convertModel, loadModel, type ModelSource, WkvError } from "wkv";
import { randomTokens, SMALL_IDS } from "./models.ts";

export const folder = mkdtempSync(join(tmpdir(), "wkv-convert-"));
after(() => rmSync(folder, { recursive: true }));

export const TOKENS = randomTokens(40, SMALL_IDS);

export async function logitsOf(source: ModelSource, weights?: "f32" | "int8" | "int4"): Promise<Float32Array> {
  const model = await loadModel(source, { threads: 2, vocab: null, ...(weights && { weights }) });
  try {
    return await model.createSession().feed(TOKENS.map((token) => token % model.info.vocabSize));
  } finally {
    await model.dispose();
  }
}

export async function convert(source: ModelSource, name: string, options: ConvertOptions = {}): Promise<string> {
  const path = join(folder, name);
  await convertModel(source, path, { vocab: null, threads: 2, ...options });
  return path;
}

export function refused(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof WkvError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}
