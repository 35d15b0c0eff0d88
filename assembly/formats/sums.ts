// Sums of a unit of 32 rows: consecutive f32.

/** out[32] = 0, by stores: memory.fill is a call out of the module, 1 % of a token. */
export function clear(out: usize): void {
  for (const end = out + 128; out < end; out += 32) {
    v128.store(out, f32x4.splat(0));
    v128.store(out, f32x4.splat(0), 16);
  }
}

/** out[4] += sum · scales of the weights · scale of the activations (all lanes). */
// @ts-ignore: decorator
@inline
export function addScaled(out: usize, sum: v128, weights: v128, activations: v128): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.mul(weights, activations));
  v128.store(out, f32x4.add(v128.load(out), product));
}

/** out[16] += sums · scales of the weights, f32 · scale of the activations. */
// @ts-ignore: decorator
@inline
export function addRowsWide(out: usize, a: v128, b: v128, c: v128, d: v128, scales: usize, activations: v128): void {
  addScaled(out, a, v128.load(scales), activations);
  addScaled(out + 16, b, v128.load(scales, 16), activations);
  addScaled(out + 32, c, v128.load(scales, 32), activations);
  addScaled(out + 48, d, v128.load(scales, 48), activations);
}
