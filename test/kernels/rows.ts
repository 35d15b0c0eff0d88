// Quantised rows of random integers in the model table, for products of blocks through formats/weights.ts.
import { SCRATCH_HEAD, TABLE, TABLE_BUFFERS, TABLE_HEAD_SIZE, TABLE_SCRATCH, UNIT_ROWS } from "../../assembly/abi";
import * as buf from "../../assembly/buffers";
import { arrange, blockBytes, dot } from "../../assembly/formats/weights";
import { open } from "../../assembly/layout";
import { setLargest } from "../../assembly/quantise";
import { setDot } from "../../assembly/simd";
import { bits, uniform } from "./support";
import { TwinRow } from "./twin";

const BEHIND: i32 = 16;
const bufferWords = new StaticArray<i32>(buf.COUNT * 4);
const scratch = new StaticArray<u8>(SCRATCH_HEAD + BEHIND);

export class Rows {
  readonly rows: TwinRow[] = [];
  private readonly bytes: StaticArray<u8>;

  /** `spare`: 8 bytes each that a row has more. `largest`: 8191 or 127. `kind`: DOT_... */
  constructor(cols: i32, count: i32, spare: i32, largest: i32, kind: i32) {
    setLargest(largest);
    setDot(kind);
    const values = ((cols + 31) / 32) * 32;
    const stride = TwinRow.bytes(values) + spare * 8;
    this.bytes = new StaticArray<u8>(stride * count);
    for (let t = 0; t < count; t++) this.rows.push(new TwinRow(changetype<usize>(this.bytes) + t * stride, values));
    for (let t = 0; t < count; t++) {
      // The last group's integers behind `cols` are random as well: the weights there are zero.
      for (let c = 0; c < values; c++) this.rows[t].setInteger(c, <i32>(bits() % (2 * largest + 1)) - largest);
      for (let c = 0; c < values; c += 32) this.rows[t].setScale(c, uniform(0.01, 1));
    }
    bufferWords[buf.X * 4 + 1] = values * 4;
    bufferWords[buf.X * 4 + 2] = <i32>changetype<usize>(this.bytes);
    bufferWords[buf.X * 4 + 3] = stride;
    store<usize>(<usize>TABLE + TABLE_HEAD_SIZE * 4, UNIT_ROWS);
    store<usize>(<usize>TABLE + TABLE_BUFFERS * 4, changetype<usize>(bufferWords));
    store<usize>(<usize>TABLE + TABLE_SCRATCH * 4, changetype<usize>(scratch));
    open();
  }

  /** out[t][32] = block · rows, `outStride` values apart. The block is as pack() writes it in the plain build. */
  multiply(format: i32, block: StaticArray<u8>, cols: i32, count: i32, out: usize, outStride: i32): void {
    const arranged = StaticArray.slice<u8>(block);
    arrange(format, changetype<usize>(arranged), cols);
    scratch.fill(0x5a);
    dot(format, changetype<usize>(arranged), 1, cols, buf.X, 0, count, out, outStride * 4, 128);
    for (let i = SCRATCH_HEAD; i < scratch.length; i++) expect(scratch[i]).toBe(0x5a);
  }

  /** out[block][t][32] = blocks one after another, `n` of them in turn, · rows. */
  multiplyInTurn(format: i32, blocks: StaticArray<u8>, n: i32, cols: i32, count: i32, out: usize): void {
    const arranged = StaticArray.slice<u8>(blocks);
    const bytes = <i32>blockBytes(format, cols);
    for (let i = 0; i < n; i++) arrange(format, changetype<usize>(arranged) + i * bytes, cols);
    dot(format, changetype<usize>(arranged), n, cols, buf.X, 0, count, out, 128, count * 128);
  }
}
