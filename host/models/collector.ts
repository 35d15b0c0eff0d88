import { WkvError } from "../errors.ts";
import { count, type Weight, type Weights } from "./weights.ts";

/** An f32 vector in the model's memory. */
export interface VectorEntry {
  readonly kind: "vector";
  readonly slot: number;
  readonly weight: Weight;
  /** Values in memory: each value of the file, `repeat` times. */
  readonly length: number;
  readonly repeat: number;
  /** A FOLD_... of abi.ts, or 0. */
  readonly fold: number;
}

/** A matrix in a packed format, as the kernels use it: y = W x, `rows` × `cols`. */
export interface MatrixEntry {
  readonly kind: "matrix";
  readonly slot: number;
  readonly weight: Weight;
  readonly rows: number;
  readonly cols: number;
  /** W is stored column by column. */
  readonly transposed: boolean;
  /** Its input starts inside a block of quantised activations, so W stays f32. */
  readonly unquantised: boolean;
  /** Small, and costly to round: the halves of low-rank products, and the head. */
  readonly precise: boolean;
}

/** The embedding: rows as stored, looked up one at a time. */
export interface TableEntry {
  readonly kind: "table";
  readonly slot: number;
  readonly weight: Weight;
  readonly rows: number;
  readonly cols: number;
}

export type Entry = VectorEntry | MatrixEntry | TableEntry;

/**
 * Collects the entries of one layer (or of everything outside the layers): looks tensors up by name, checks their
 * shapes, and records which were used.
 */
export class Collector {
  readonly entries: Entry[] = [];
  readonly #file: string;
  readonly #weights: Weights;
  readonly #used: Set<string>;
  readonly prefix: string;

  constructor(file: string, weights: Weights, used: Set<string>, prefix: string) {
    this.#file = file;
    this.#weights = weights;
    this.#used = used;
    this.prefix = prefix;
  }

  has(name: string): boolean {
    return this.#weights.has(this.prefix + name);
  }

  /** @throws WkvError `bad-file` if the model has no such tensor */
  weight(name: string): Weight {
    const weight = this.#weights.get(this.prefix + name);
    if (!weight)
      throw new WkvError(
        "bad-file",
        `${this.#file} has no tensor ${this.prefix}${name}: the model is incomplete; fetch or convert it again.`,
      );
    this.#used.add(weight.name);
    return weight;
  }

  /** Size of an axis of a matrix or higher tensor. */
  dimension(name: string, axis: number): number {
    return this.weight(name).shape[axis] ?? 0;
  }

  /** A vector of `length` values; axes of size 1 are ignored. */
  vector(slot: number, name: string, length: number, { repeat = 1, fold = 0 } = {}): void {
    const weight = this.weight(name);
    if (count(weight.shape) !== length / repeat) this.#contradiction(weight, [length / repeat]);
    this.entries.push({ kind: "vector", slot, weight, length, repeat, fold });
  }

  /** A matrix as torch's Linear stores it: [rows, cols] for y = W x. */
  matrix(slot: number, name: string, rows: number, cols: number, precise = false): void {
    const weight = this.weight(name);
    this.#checkShape(weight, [rows, cols]);
    const { transposed } = weight;
    this.entries.push({ kind: "matrix", slot, weight, rows, cols, transposed, unquantised: false, precise });
  }

  /** A matrix stored for y = x W: [cols, rows]. */
  lowRank(
    slot: number,
    name: string,
    rows: number,
    cols: number,
    { weight = this.weight(name), unquantised = false } = {},
  ): void {
    this.#checkShape(weight, [cols, rows]);
    const transposed = !weight.transposed;
    this.entries.push({ kind: "matrix", slot, weight, rows, cols, transposed, unquantised, precise: true });
  }

  table(slot: number, name: string, rows: number, cols: number): void {
    const weight = this.weight(name);
    this.#checkShape(weight, [rows, cols]);
    this.entries.push({ kind: "table", slot, weight, rows, cols });
  }

  #checkShape(weight: Weight, expected: number[]): void {
    const { shape } = weight;
    if (shape.length !== expected.length || shape.some((n, i) => n !== expected[i]))
      this.#contradiction(weight, expected);
  }

  #contradiction(weight: Weight, expected: number[]): never {
    throw new WkvError(
      "bad-file",
      `${this.#file}: ${weight.name} has shape [${weight.shape}], but the other tensors imply [${expected}]: ` +
        "the file is damaged or mixes two models; fetch or convert it again.",
    );
  }
}
