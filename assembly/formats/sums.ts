// Sums of a unit of 32 rows: consecutive f32.

/** out[t][32] = 0, by stores: memory.fill is a call out of the module, 1 % of a token. */
export function clearRows(out: usize, stride: usize, count: i32): void {
  for (let t = 0; t < count; t++, out += stride) {
    for (let at = out; at < out + 128; at += 16) v128.store(at, f32x4.splat(0));
  }
}

/** out[4] += sum · scales of the weights · scale of the activations (all lanes). */
// @ts-ignore: decorator
@inline
export function addScaled(out: usize, sum: v128, weights: v128, activations: v128): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.mul(weights, activations));
  v128.store(out, f32x4.add(v128.load(out), product));
}

/** out[8] += sums · scales of eight rows · scale of a token, at `scale`. */
// @ts-ignore: decorator
@inline
export function addEight(out: usize, a: v128, b: v128, low: v128, high: v128, scale: usize): void {
  const s = v128.load32_splat(scale);
  addScaled(out, a, low, s);
  addScaled(out + 16, b, high, s);
}
