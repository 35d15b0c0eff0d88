// What happens to a product before it is stored. Kernels leave a unit's sums per token; these functions store them.
import { UNIT_ROWS } from "./abi";
import { sigmoid, silu, tanh } from "./math";

/** dst = x: the kernels write to the destination itself. */
export const STORE: i32 = 0;
export const TANH: i32 = 1;
export const SIGMOID: i32 = 2;
export const SILU: i32 = 3;
/** max(0, x)²: the non-linearity of channel mixing. */
export const RELU2: i32 = 4;
/** dst += x */
export const ADD: i32 = 5;
/** dst += gate · x */
export const ADD_GATED: i32 = 6;

/** dst[t][32] = then(tile[t][32]) for `count` tokens; the rows of `dst` and of `gate` are `stride` bytes apart. */
export function storeTile(tile: usize, dst: usize, gate: usize, stride: usize, count: i32, then: i32): void {
  for (let t = 0; t < count; t++, dst += stride, gate += stride) {
    for (let at: usize = 0; at < <usize>UNIT_ROWS * 4; at += 16, tile += 16) {
      v128.store(dst + at, value(then, v128.load(tile), dst + at, gate + at));
    }
  }
}

function value(then: i32, x: v128, dst: usize, gate: usize): v128 {
  switch (then) {
    case TANH:
      return tanh(x);
    case SIGMOID:
      return sigmoid(x);
    case SILU:
      return silu(x);
    case RELU2: {
      const positive = f32x4.pmax(x, f32x4.splat(0)); // preserves NaN
      return f32x4.mul(positive, positive);
    }
    case ADD:
      return f32x4.add(v128.load(dst), x);
    case ADD_GATED:
      return f32x4.add(v128.load(dst), f32x4.mul(v128.load(gate), x));
    default:
      return x;
  }
}
