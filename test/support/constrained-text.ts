/** Texts made under a constraint by somebody who takes any token that is allowed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { Constraint } from "../../host/constraint/index.ts";
import { loadTokenizer, type Tokenizer } from "../../host/tokenizer/index.ts";
import { random } from "./random.ts";

const golden = process.env.WKV_GOLDEN ?? fileURLToPath(new URL("../../../shared/golden", import.meta.url));
const worldFile = join(golden, "tokenizer/rwkv_vocab_v20230424.txt");

/** The published World vocabulary; undefined where it is not there. */
export async function worldTokenizer(): Promise<Tokenizer | undefined> {
  return existsSync(worldFile) ? loadTokenizer(readFileSync(worldFile)) : undefined;
}

export const WORLD_MISSING = "the World vocabulary is not there (WKV_GOLDEN, ../shared/golden)";

/** A JSON schema validator that shares nothing with the constraint. */
export function validator(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, logger: false, ownProperties: true });
  formats.default(ajv);
  return ajv;
}

/** Logits drawn at random; what ends a string or a value is made likelier, as it is in a text. */
export class RandomLogits {
  readonly #values: Float32Array;
  readonly #likelier: readonly number[];
  readonly #next: (below: number) => number;

  constructor(tokenizer: Tokenizer, size: number, seed: number) {
    this.#next = random(seed);
    this.#values = Float32Array.from({ length: size }, () => this.#next(1_000_000) / 1_000_000);
    this.#likelier = [...'"}],:{[01'].flatMap((character) => tokenizer.encode(character));
  }

  row(): Float32Array {
    const { length } = this.#values;
    const row = new Float32Array(length);
    const turn = this.#next(length);
    row.set(this.#values.subarray(turn));
    row.set(this.#values.subarray(0, turn), length - turn);
    if (this.#next(2)) for (const id of this.#likelier) row[id]! += this.#next(100) / 100;
    return row;
  }
}

/** The tokens of a text of at most `most`, and whether the constraint says that it is complete. */
export function write(
  constraint: Constraint,
  tokenizer: Tokenizer,
  logits: RandomLogits,
  most: number,
): { ids: number[]; complete: boolean } {
  const ids: number[] = [];
  while (!constraint.finished && ids.length < most) {
    const row = logits.row();
    constraint.mask(row, most - ids.length);
    const best = row.reduce((top, logit, id) => (logit > row[top]! ? id : top), 0);
    if (row[best] === -Infinity) throw new Error(`a dead end after ${JSON.stringify(tokenizer.decode(ids))}`);
    if (best === tokenizer.endOfText) break;
    constraint.accept(best);
    ids.push(best);
  }
  return { ids, complete: constraint.complete };
}

/** Whether the constraint allows this text, byte by byte, and it is complete. */
export function allows(constraint: Constraint, text: string, bytes: Tokenizer): boolean {
  const walk = constraint.fork();
  try {
    for (const id of bytes.encode(text)) walk.accept(id);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  return walk.complete;
}
