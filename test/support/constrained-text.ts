/** Texts made under a constraint by somebody who takes any token that is allowed. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import {
  type Constraint,
  type ConstraintSource,
  createConstraint,
  type Whitespace,
  WkvError,
} from "../../host/constraint/index.ts";
import { loadTokenizer, type Tokenizer } from "../../host/tokenizer/index.ts";
import { goldenFolder, missingGolden } from "./missing.ts";
import { random } from "./random.ts";
import { randomSchema } from "./random-schema.ts";

const WORLD = "tokenizer/rwkv_vocab_v20230424.txt";
const worldFile = join(goldenFolder, WORLD);

/** For node:test's `skip`: false, or why tests of the World vocabulary cannot run. */
export function missingWorld(): string | false {
  return missingGolden(WORLD);
}

/** The published World vocabulary; undefined where it is not there. */
export async function worldTokenizer(): Promise<Tokenizer | undefined> {
  return existsSync(worldFile) ? loadTokenizer(readFileSync(worldFile)) : undefined;
}

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

/** Any text of a random schema can be completed within so many tokens. */
const MOST_TOKENS = 400;

interface SchemaWriting {
  readonly tokenizer: Tokenizer;
  readonly vocabSize: number;
  readonly whitespaces: readonly Whitespace[];
  readonly seed: number;
}

/** Writes a text for each of `count` random schemas and validates it. Contradictory schemas are left out and not counted. */
export function writeRandomSchemas(count: number, { tokenizer, vocabSize, whitespaces, seed }: SchemaWriting): void {
  const next = random(seed);
  const logits = new RandomLogits(tokenizer, vocabSize, seed);
  const ajv = validator();
  let contradictory = 0;
  for (let i = 0; i < count; ) {
    const schema = randomSchema(next);
    const constraint = satisfiable(tokenizer, { schema, whitespace: whitespaces[i % whitespaces.length] });
    if (!constraint) {
      contradictory++;
      continue;
    }
    i++;
    const { ids, complete } = write(constraint, tokenizer, logits, MOST_TOKENS);
    const text = tokenizer.decode(ids);
    const because = `${text}\n${JSON.stringify(schema)}`;
    assert.ok(complete, `cut: ${because}`);
    assert.ok(ajv.validate(schema as object, JSON.parse(text)), `${ajv.errorsText()}: ${because}`);
  }
  assert.ok(contradictory < count / 10, `${contradictory} contradictory schemas`);
}

/** The constraint; undefined when no text fits, which a random schema or expression may say. */
export function satisfiable(tokenizer: Tokenizer, source: ConstraintSource): Constraint | undefined {
  try {
    return createConstraint(tokenizer, source);
  } catch (error) {
    assert.ok(
      error instanceof WkvError && /matches no text:/.test(error.message),
      `${error}\n${JSON.stringify(source)}`,
    );
    return undefined;
  }
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
