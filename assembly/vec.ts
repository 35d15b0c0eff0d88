// Operations on rows of f32. Lengths are multiples of 8, so there are no tails; sums run in two vectors of partial
// sums, always in the same order.
import { lanes } from "./math";

/** dst = (x − mean) / √(variance + eps) · weight + bias over `n` values; `dst` may be `x`. Biased variance. */
export function norm(dst: usize, x: usize, weight: usize, bias: usize, n: i32, eps: f32): void {
  const bytes = (<usize>n) << 2;
  const mean = f32x4.splat(sum(x, n) / <f32>n);
  let v0 = f32x4.splat(0);
  let v1 = v0;
  for (let i: usize = 0; i < bytes; i += 32) {
    const d0 = f32x4.sub(v128.load(x + i), mean);
    const d1 = f32x4.sub(v128.load(x + i, 16), mean);
    v0 = f32x4.add(v0, f32x4.mul(d0, d0));
    v1 = f32x4.add(v1, f32x4.mul(d1, d1));
  }
  const variance = lanes(f32x4.add(v0, v1)) / <f32>n;
  const scale = f32x4.splat(<f32>1 / sqrt<f32>(variance + eps));
  for (let i: usize = 0; i < bytes; i += 16) {
    const y = f32x4.mul(f32x4.sub(v128.load(x + i), mean), scale);
    v128.store(dst + i, f32x4.add(f32x4.mul(y, v128.load(weight + i)), v128.load(bias + i)));
  }
}

/** Σ x over `n` values. */
export function sum(x: usize, n: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  for (const end = x + ((<usize>n) << 2); x < end; x += 32) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
  }
  return lanes(f32x4.add(s0, s1));
}

/** dst = a + (b − a) · m: from a at m = 0 to b at m = 1. */
export function lerp(dst: usize, a: usize, b: usize, m: usize, n: i32): void {
  const bytes = (<usize>n) << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    const from = v128.load(a + i);
    v128.store(dst + i, f32x4.add(from, f32x4.mul(f32x4.sub(v128.load(b + i), from), v128.load(m + i))));
  }
}
