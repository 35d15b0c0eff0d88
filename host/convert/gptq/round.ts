// Rounding that makes up for its own errors (GPTQ, arXiv 2210.17323). Of (W − Q) R the squares shall be few, R being upper
// triangular: so columns are rounded in turn, each to what takes the errors of those before it into account.
import { BLOCK } from "../../checkpoint/dtypes.ts";
import { fromF16 } from "../../checkpoint/half.ts";
import { halfBits } from "../half.ts";
import { type Arithmetic, transpose } from "./arithmetic.ts";
import type { Factor } from "./factor.ts";

/** Columns that share a scale. */
const GROUP = 32;
/** Scales that are tried: the largest value is so many steps from zero, towards −8 and towards 7. */
const STEPS = Array.from({ length: 16 }, (_, i) => 5 + 0.25 * i);

/** Rows of Q4_0 for a matrix [rows × cols]. */
export async function roundToQ4(
  arithmetic: Arithmetic,
  weights: Float32Array,
  rows: number,
  factor: Factor,
): Promise<Uint8Array<ArrayBuffer>> {
  const { size: cols, columns } = factor;
  const { memory } = arithmetic;
  const rowBytes = (cols / GROUP) * BLOCK.Q4_0.bytes;
  const out = new Uint8Array(rows * rowBytes);
  await arithmetic.within(async () => {
    // [cols × rows]: what the errors so far add to each column's.
    const carried = await arithmetic.take(rows * cols);
    const [a, b] = [await arithmetic.take(GROUP * rows), await arithmetic.take(GROUP * cols)];
    await arithmetic.clear(carried, rows * cols);
    for (let first = 0; first < cols; first += GROUP) {
      const sums = transpose(await memory.read(carried + 4 * first * rows, GROUP * rows), GROUP, rows);
      const group = new GroupRounder(factor, first);
      const errors = new Float32Array(GROUP * rows);
      for (let r = 0; r < rows; r++) {
        const block = new DataView(out.buffer, r * rowBytes + (first / GROUP) * BLOCK.Q4_0.bytes, BLOCK.Q4_0.bytes);
        const at = r * cols + first;
        group.round(weights.subarray(at, at + GROUP), sums.subarray(r * GROUP, (r + 1) * GROUP), block);
        for (let k = 0; k < GROUP; k++) errors[k * rows + r] = group.errors[k] as number;
      }
      const rest = cols - first - GROUP;
      if (rest === 0) break;
      const later = new Float32Array(rest * GROUP);
      for (let c = 0; c < rest; c++) {
        const at = (first + GROUP + c) * cols + first;
        later.set(columns.subarray(at, at + GROUP), c * GROUP);
      }
      await memory.write(a, errors);
      await memory.write(b, later);
      await arithmetic.addProduct(carried + 4 * (first + GROUP) * rows, rest, rows, b, a, GROUP);
    }
  });
  return out;
}

/** Rounds rows of one group of columns. */
class GroupRounder {
  /** W − Q of the last row. */
  readonly errors = new Float64Array(GROUP);
  readonly #values = new Float64Array(GROUP);
  readonly #sums = new Float64Array(GROUP);
  /** R[j][k] of the group. */
  readonly #factor = new Float64Array(GROUP * GROUP);
  readonly #squares: Float64Array;

  constructor({ columns, size, squares }: Factor, first: number) {
    for (let k = 0; k < GROUP; k++)
      for (let j = 0; j <= k; j++) this.#factor[j * GROUP + k] = columns[(first + k) * size + first + j] as number;
    this.#squares = squares.subarray(first, first + GROUP);
  }

  /** @param sums what the errors of earlier groups add, each column's times R's diagonal */
  round(weights: Float32Array, sums: Float32Array, block: DataView): void {
    this.#compensate(weights, sums);
    const bits = bestScale(this.#values, this.#squares);
    block.setUint16(0, bits, true);
    const scale = fromF16(Uint16Array.of(bits))[0] as number;
    this.#sums.set(sums);
    for (let k = 0; k < GROUP; k++) {
      const target = (weights[k] as number) + (this.#sums[k] as number) / (this.#factor[k * GROUP + k] as number);
      const q = scale === 0 ? 0 : Math.max(-8, Math.min(7, Math.round(target / scale)));
      this.errors[k] = (weights[k] as number) - q * scale;
      this.#spread(k, this.errors[k] as number);
      const at = 2 + (k & 15);
      block.setUint8(at, k < 16 ? q + 8 : block.getUint8(at) | ((q + 8) << 4));
    }
  }

  /** The values that the group would have if none of them had to be rounded. */
  #compensate(weights: Float32Array, sums: Float32Array): void {
    this.#sums.set(sums);
    for (let k = 0; k < GROUP; k++) {
      const change = (this.#sums[k] as number) / (this.#factor[k * GROUP + k] as number);
      this.#values[k] = (weights[k] as number) + change;
      this.#spread(k, -change);
    }
  }

  #spread(k: number, error: number): void {
    const row = k * GROUP;
    for (let later = k + 1; later < GROUP; later++)
      this.#sums[later] = (this.#sums[later] as number) + error * (this.#factor[row + later] as number);
  }
}

/** The f16 scale with the least squared error, each value's times its weight. */
function bestScale(values: Float64Array, weights: Float64Array): number {
  let largest = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(largest)) largest = value;
  if (largest === 0) return 0;
  let best = -1;
  let scale = 0;
  for (const steps of STEPS)
    for (const sign of [-1, 1]) {
      const inverse = (sign * steps) / largest;
      let xq = 0;
      let qq = 0;
      for (let i = 0; i < GROUP; i++) {
        const value = values[i] as number;
        const q = Math.max(-8, Math.min(7, Math.round(value * inverse)));
        const weighted = (weights[i] as number) * q;
        xq += weighted * value;
        qq += weighted * q;
      }
      const gain = qq > 0 ? (xq * xq) / qq : 0;
      if (gain > best) {
        best = gain;
        scale = qq > 0 ? xq / qq : 1 / inverse;
      }
    }
  FLOAT[0] = scale;
  return halfBits(BITS[0] as number);
}

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);
