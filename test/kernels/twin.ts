// Rows of quantised activations, read and written integer by integer, as quantise.ts lays them out.
import { RELAXED } from "../../assembly/simd";

/** Integer of column `c`; the smallest i32 where a half has more than 7 bits, which no kernel can take. */
export function integerAt(row: usize, c: i32): i32 {
  if (!RELAXED) return load<i16>(row + c * 2);
  const low = load<u8>(lowPlace(row, c));
  const high = load<u8>(lowPlace(row, c) + 8);
  return (low | high) > 127 ? i32.MIN_VALUE : <i32>high * 128 + low - 8192;
}

export function setInteger(row: usize, c: i32, q: i32): void {
  if (!RELAXED) {
    store<i16>(row + c * 2, <i16>q);
  } else {
    store<u8>(lowPlace(row, c), <u8>((q + 8192) % 128));
    store<u8>(lowPlace(row, c) + 8, <u8>((q + 8192) / 128));
  }
}

/** For 8 columns there are 8 low halves, then 8 high ones. */
function lowPlace(row: usize, c: i32): usize {
  return row + (c / 8) * 16 + (c % 8);
}
