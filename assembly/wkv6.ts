// The recurrence of one head in RWKV-5 and 6. The state S[key j][value i] sums the outer products of k and v; each key
// channel decays by w_j, which RWKV-6 computes for every token. (arXiv 2404.05892, equations 4 and 18)
//
//   y_i = Σ_j r_j (u_j k_j v_i + S_ji)        S_ji ← w_j S_ji + k_j v_i
//
// The state is stored as strips of 16 value channels (a last one may have 8), S[strip][key j][value i], and is read in
// one straight run: four vectors for each j, four sums. Every loop runs in the same order for any T.

/**
 * `S`: n×n values, n a multiple of 8; rows of y, r, k, v `stride` bytes apart, of w `wStride` (0: one decay for all
 * tokens); `u`: n values.
 */
export function wkv6(
  S: usize,
  y: usize,
  r: usize,
  k: usize,
  v: usize,
  w: usize,
  wStride: usize,
  u: usize,
  n: i32,
  count: i32,
  stride: usize,
): void {
  const bytes = (<usize>n) << 2;
  for (let t = 0; t < count; t++, y += stride, r += stride, k += stride, v += stride, w += wStride) {
    let i: usize = 0;
    for (; i + 64 <= bytes; i += 64) strip(S + i * <usize>n, y + i, r, k, v + i, w, u, bytes, true);
    if (i < bytes) strip(S + i * <usize>n, y + i, r, k, v + i, w, u, bytes, false);
  }
}

/** 16 value channels, or 8. */
// @ts-ignore: decorator
@inline
function strip(
  S: usize,
  y: usize,
  r: usize,
  k: usize,
  v: usize,
  w: usize,
  u: usize,
  bytes: usize,
  sixteen: bool,
): void {
  const row: usize = sixteen ? 64 : 32;
  let y0 = f32x4.splat(0);
  let y1 = y0;
  let y2 = y0;
  let y3 = y0;
  for (const end = r + bytes; r < end; r += 4, k += 4, u += 4, w += 4, S += row) {
    const rj = v128.load32_splat(r);
    const kj = v128.load32_splat(k);
    const uj = v128.load32_splat(u);
    const wj = v128.load32_splat(w);
    y0 = f32x4.add(y0, f32x4.mul(rj, step(S, kj, v128.load(v), uj, wj)));
    y1 = f32x4.add(y1, f32x4.mul(rj, step(S + 16, kj, v128.load(v, 16), uj, wj)));
    if (sixteen) {
      y2 = f32x4.add(y2, f32x4.mul(rj, step(S + 32, kj, v128.load(v, 32), uj, wj)));
      y3 = f32x4.add(y3, f32x4.mul(rj, step(S + 48, kj, v128.load(v, 48), uj, wj)));
    }
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  if (sixteen) {
    v128.store(y, y2, 32);
    v128.store(y, y3, 48);
  }
}

/** Returns u k v + S, and updates S ← w S + k v. */
// @ts-ignore: decorator
@inline
function step(S: usize, k: v128, v: v128, u: v128, w: v128): v128 {
  const kv = f32x4.mul(k, v);
  const before = v128.load(S);
  v128.store(S, f32x4.add(f32x4.mul(w, before), kv));
  return f32x4.add(f32x4.mul(u, kv), before);
}
