import * as abi from "../../../assembly/abi.ts";
import type { Engine } from "../../engine/engine.ts";

/** Large matrices of f32 in the engine's memory, multiplied by its threads. */
export class Arithmetic {
  readonly #engine: Engine;
  #end: number;

  /** @param free an address from which on the memory is free; it grows as far as is needed */
  constructor(engine: Engine, free: number) {
    this.#engine = engine;
    this.#end = free;
  }

  get memory(): Engine["memory"] {
    return this.#engine.memory;
  }

  /** @returns the address of room for `values` numbers @throws WkvError `too-large` when it cannot be had */
  async take(values: number): Promise<number> {
    const address = this.#end;
    this.#end = Math.ceil((address + 4 * values) / abi.LINE) * abi.LINE;
    await this.memory.grow(this.#end);
    return address;
  }

  /** What was taken since is free. */
  async within<T>(work: () => Promise<T>): Promise<T> {
    const end = this.#end;
    try {
      return await work();
    } finally {
      this.#end = end;
    }
  }

  async clear(address: number, values: number): Promise<void> {
    const zeros = new Float32Array(Math.min(values, 1 << 20));
    for (let at = 0; at < values; at += zeros.length)
      await this.memory.write(address + 4 * at, zeros.subarray(0, Math.min(zeros.length, values - at)));
  }

  /** to[rows × cols] += B[rows × rank] · A[rank × cols], by addresses. */
  addProduct(to: number, rows: number, cols: number, b: number, a: number, rank: number): Promise<void> {
    return this.#engine.run(abi.OP_ADD_LOW_RANK, [to, rows, cols, a, b, rank]);
  }
}

/** [rows × cols] as [cols × rows]. */
export function transpose(values: Float32Array, rows: number, cols: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = values[r * cols + c] as number;
  return out;
}
