// What the specs of int4 weights share: blocks, read one value after the other by the place that the format gives it.
import { f16 } from "../../assembly/half";

export const BYTES: i32 = 576;

/** Weight of row `r`, column `c`, in steps of its scale: −8 to 7. */
export function integer(block: usize, r: i32, c: i32): i32 {
  const lane = block + (c / 32) * BYTES + ((c % 32) / 2) * 32 + (r / 16) * 16 + (r % 4) * 4 + (c % 2) * 2;
  const nibble = (<i32>(load<u16>(lane) >> (<u16>(((r / 4) % 4) * 4)))) & 15;
  return (r / 4) % 4 == 3 ? (nibble << 28) >> 28 : nibble - 8;
}

/** Scale of row `r` in the group of column `c`. */
export function scale(block: usize, r: i32, c: i32): f32 {
  const place = (r / 8) * 8 + (r % 4) * 2 + (r % 8) / 4;
  return f16(load<u16>(block + (c / 32) * BYTES + 512 + place * 2));
}
