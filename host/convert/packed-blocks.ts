// Packed weights as the blocks of Q8_0 and Q4_0 that they hold exactly. Where a block's values are in memory:
// assembly/formats/int8-block.ts and int4-block.ts.
import { QUANT_VALUES, UNIT_ROWS } from "../../assembly/abi.ts";
import { BLOCK } from "../checkpoint/dtypes.ts";
import { half } from "../checkpoint/half.ts";
import { halfBits } from "./half.ts";

/** Where the scale of row `r` is, from a group's first scale on. */
function scaleAt(r: number): number {
  return ((r >> 3) << 4) + ((r & 3) << 2) + ((r & 4) >> 1);
}

/**
 * Rows of Q8_0 out of packed int8.
 * @param units whole units of 32 rows, `cols` columns each, which are whole groups
 * @param rows how many rows of the units there are
 */
export function int8Blocks(units: Uint8Array, cols: number, rows: number): Uint8Array<ArrayBuffer> {
  const integers = UNIT_ROWS * QUANT_VALUES;
  return blocks(
    units,
    { cols, rows, groupBytes: integers + 2 * UNIT_ROWS, blockBytes: BLOCK.Q8_0.bytes },
    (from, r, to) => {
      const scale = from.getUint16(integers + scaleAt(r), true);
      to.setUint16(0, halfBits(scaled(scale)), true);
      for (let c = 0; c < QUANT_VALUES; c++) to.setInt8(2 + c, from.getInt8((c >> 1) * 64 + r * 2 + (c & 1)));
    },
  );
}

/** Rows of Q4_0 out of packed int4. */
export function int4Blocks(units: Uint8Array, cols: number, rows: number): Uint8Array<ArrayBuffer> {
  const nibbles = (UNIT_ROWS * QUANT_VALUES) / 2;
  return blocks(
    units,
    { cols, rows, groupBytes: nibbles + 2 * UNIT_ROWS, blockBytes: BLOCK.Q4_0.bytes },
    (from, r, to) => {
      to.setUint16(0, from.getUint16(nibbles + scaleAt(r), true), true);
      const shift = ((r >> 2) & 3) * 4;
      const lanes = (r >> 4) * 16 + (r & 3) * 4;
      const nibble = (c: number) => (from.getUint16((c >> 1) * 32 + lanes + (c & 1) * 2, true) >> shift) & 15;
      const sign = shift === 12 ? 8 : 0;
      for (let c = 0; c < 16; c++) to.setUint8(2 + c, (nibble(c) ^ sign) | ((nibble(c + 16) ^ sign) << 4));
    },
  );
}

interface Layout {
  readonly cols: number;
  readonly rows: number;
  readonly groupBytes: number;
  readonly blockBytes: number;
}

function blocks(
  units: Uint8Array,
  { cols, rows, groupBytes, blockBytes }: Layout,
  convert: (group: DataView, row: number, block: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const groups = cols / QUANT_VALUES;
  const out = new Uint8Array(rows * groups * blockBytes);
  for (let at = 0, first = 0; first < rows; first += UNIT_ROWS)
    for (let g = 0; g < groups; g++, at += groupBytes) {
      const group = new DataView(units.buffer, units.byteOffset + at, groupBytes);
      for (let r = 0; r < Math.min(UNIT_ROWS, rows - first); r++)
        convert(group, r, new DataView(out.buffer, ((first + r) * groups + g) * blockBytes, blockBytes));
    }
  return out;
}

const WORD = new Uint32Array(1);
const VALUE = new Float32Array(WORD.buffer);

/** The f32 bits of an int8 scale: its own are 2^79 too small. */
function scaled(bits: number): number {
  WORD[0] = bits << 13;
  VALUE[0] = (VALUE[0] as number) * 2 ** 79;
  return WORD[0] as number;
}

/** Rows of Q8_0 out of values: what pack() of assembly/formats/int8-pack.ts rounds to. */
export function q8Blocks(values: Float32Array): Uint8Array<ArrayBuffer> {
  const { bytes } = BLOCK.Q8_0;
  const out = new Uint8Array((values.length / QUANT_VALUES) * bytes);
  const view = new DataView(out.buffer);
  for (let first = 0, at = 0; first < values.length; first += QUANT_VALUES, at += bytes) {
    const block = values.subarray(first, first + QUANT_VALUES);
    VALUE[0] = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    const scale = halfBits(WORD[0] as number);
    view.setUint16(at, scale, true);
    const d = half(view, at);
    for (let i = 0; i < QUANT_VALUES; i++)
      view.setInt8(at + 2 + i, d > 0 ? Math.max(-127, Math.min(127, Math.round((block[i] as number) / d))) : 0);
  }
  return out;
}
