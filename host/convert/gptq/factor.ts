import type { Arithmetic } from "./arithmetic.ts";

/** Columns that are solved together. */
const BLOCK = 64;
/** Of the mean of the diagonal, added to it: directions in which the text says nothing cost something too. */
const DAMPING = 0.02;

/** How inputs x of a matrix go together: Σ x xᵀ = R Rᵀ, R upper triangular. */
export interface Factor {
  readonly size: number;
  /** Rᵀ: row c has R's column c, up to its diagonal. */
  readonly columns: Float32Array;
  /** Σ x² of each input, damped. */
  readonly squares: Float64Array;
}

/**
 * @param sum the address of Σ x xᵀ, [size × size], which is written over
 */
export async function factorise(arithmetic: Arithmetic, sum: number, size: number): Promise<Factor> {
  const { memory } = arithmetic;
  const squares = await dampen(arithmetic, sum, size);
  const columns = new Float32Array(size * size);
  await arithmetic.within(async () => {
    const [a, b] = [await arithmetic.take(BLOCK * size), await arithmetic.take(BLOCK * size)];
    for (let end = size; end > 0; end -= BLOCK) {
      const begin = Math.max(0, end - BLOCK);
      const count = end - begin;
      // Rows are columns: the sum is symmetric.
      const block = await memory.read(sum + 4 * begin * size, count * size);
      solve(block, columns, begin, count, size);
      if (begin === 0) return;
      const minus = new Float32Array(count * size);
      const plus = new Float32Array(begin * count);
      for (let k = 0; k < count; k++)
        for (let i = 0; i < begin; i++) {
          const value = columns[(begin + k) * size + i] as number;
          minus[k * size + i] = -value;
          plus[i * count + k] = value;
        }
      await memory.write(a, minus);
      await memory.write(b, plus);
      await arithmetic.addProduct(sum, begin, size, b, a, count);
    }
  });
  return { size, columns, squares };
}

/** Adds to the diagonal. @returns it */
async function dampen({ memory }: Arithmetic, sum: number, size: number): Promise<Float64Array> {
  const place = (i: number) => sum + 4 * i * (size + 1);
  const diagonal = new Float64Array(size);
  for (let i = 0; i < size; i++) diagonal[i] = (await memory.read(place(i), 1))[0] as number;
  const extra = (DAMPING * diagonal.reduce((total, value) => total + value, 0)) / size || 1;
  for (let i = 0; i < size; i++) {
    diagonal[i] = (diagonal[i] as number) + extra;
    void memory.write(place(i), Float32Array.of(diagonal[i] as number));
  }
  return diagonal;
}

/** R's columns [begin, begin + count), from the last to the first, where all later columns have been subtracted. */
function solve(block: Float32Array, columns: Float32Array, begin: number, count: number, size: number): void {
  for (let k = count - 1; k >= 0; k--) {
    const c = begin + k;
    const own = Float64Array.from(block.subarray(k * size, k * size + c + 1));
    for (let later = k + 1; later < count; later++) {
      const row = (begin + later) * size;
      const factor = columns[row + c] as number;
      for (let i = 0; i <= c; i++) own[i] = (own[i] as number) - factor * (columns[row + i] as number);
    }
    const diagonal = Math.sqrt(Math.max(own[c] as number, Number.MIN_VALUE));
    for (let i = 0; i < c; i++) columns[c * size + i] = (own[i] as number) / diagonal;
    columns[c * size + c] = diagonal;
  }
}
