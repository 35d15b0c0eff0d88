// Rows of quantised activations, read and written value by value, as quantise.ts lays them out, and what relaxed dot
// products are on this machine.
import { DOT_PAIRS, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi";
import { SCALE_UNIT } from "../../assembly/formats/int8-block";
import { eightBits } from "../../assembly/quantise";
import { fused, RELAXED } from "../../assembly/simd";

/** A row of `values` values at `at`. */
export class TwinRow {
  constructor(
    readonly at: usize,
    readonly values: i32,
  ) {}

  /** Bytes of a row, whatever the build and the integers. */
  static bytes(values: i32): i32 {
    return values / 4 + 3 * values;
  }

  /** Scale of the block of column `c`. */
  scale(c: i32): f32 {
    return load<f32>(this.at + (c / 32) * 8) / SCALE_UNIT;
  }

  setScale(c: i32, s: f32): void {
    store<f32>(this.at + (c / 32) * 8, s * SCALE_UNIT);
  }

  /** Sum of the integers of the block of column `c`. */
  sum(c: i32): i32 {
    return load<i32>(this.at + (c / 32) * 8 + 4);
  }

  /** Integer of column `c`; the smallest i32 where its bytes, or the halves' sign, are not as they have to be. */
  integer(c: i32): i32 {
    const q = load<i16>(this.place(c));
    if (!fused()) return this.hasBytes() && load<i8>(this.byteAt(c)) != <i8>q ? i32.MIN_VALUE : q;
    if (eightBits()) return load<i8>(this.byteAt(c));
    const low = load<i8>(this.halfAt(c));
    return low < 0 ? i32.MIN_VALUE : <i32>load<i8>(this.halfAt(c) + 4) * 128 + low;
  }

  setInteger(c: i32, q: i32): void {
    const block = this.at + (c / 32) * 8;
    store<i32>(block, this.sum(c) + q - this.integer(c), 4);
    if (this.hasBytes()) store<i8>(this.byteAt(c), <i8>q);
    if (!fused()) {
      store<i16>(this.place(c), <i16>q);
    } else {
      store<i8>(this.halfAt(c), <i8>(q & 127));
      store<i8>(this.halfAt(c) + 4, <i8>(q >> 7));
    }
  }

  private hasBytes(): bool {
    return RELAXED && eightBits();
  }

  private place(c: i32): usize {
    return this.at + this.values / 4 + c * 2;
  }

  private byteAt(c: i32): usize {
    return this.at + this.values / 4 + 2 * this.values + c;
  }

  /** For 4 columns there are 4 low halves, then 4 high ones. */
  private halfAt(c: i32): usize {
    return this.at + this.values / 4 + (c / 4) * 8 + (c % 4);
  }
}

/** Every DOT_... whose kernels are right on this machine. */
export function dotKinds(): i32[] {
  if (!RELAXED) return [DOT_PAIRS];
  const sum = i32x4.extract_lane(relaxed(i8x16.splat(127), i8x16.splat(-1)), 0);
  if (sum == 4 * 127 * 255) return [DOT_PAIRS, DOT_UNSIGNED];
  return sum == -4 * 127 ? [DOT_PAIRS, DOT_SIGNED] : [DOT_PAIRS];
}

function relaxed(a: v128, b: v128): v128 {
  return RELAXED ? i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, i32x4.splat(0)) : a;
}
