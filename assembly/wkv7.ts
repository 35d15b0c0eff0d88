// The recurrence of one head in RWKV-7: before a token is written into the state, the state's content in the direction
// κ is read and partly removed (the delta rule). (arXiv 2503.14456, equation 17)
//
//   s_i = −Σ_j S_ji κ_j        S_ji ← w_j S_ji + s_i b_j + k_j v_i        y_i = Σ_j S_ji r_j        with b = κ · a
//
// The value channels are lanes, so that no sum is horizontal. The state is stored as strips of 16 value channels (a
// last one may have 8), S[strip][key j][value i], and is read in one straight run; a saved state has S[value][key], as
// in the paper (host/engine/state-layout.ts). Every loop runs in the same order for any T.

/** One token. `S`: n×n values, n a multiple of 8; all others: n values. */
export function wkv7(S: usize, y: usize, r: usize, w: usize, k: usize, v: usize, kappa: usize, b: usize, n: i32): void {
  const bytes = (<usize>n) << 2;
  let i: usize = 0;
  for (; i + 64 <= bytes; i += 64) strip(S + i * <usize>n, y + i, r, w, k, v + i, kappa, b, bytes, true);
  if (i < bytes) strip(S + i * <usize>n, y + i, r, w, k, v + i, kappa, b, bytes, false);
}

/** 16 value channels, or 8. */
// @ts-ignore: decorator
@inline
function strip(
  S: usize,
  y: usize,
  r: usize,
  w: usize,
  k: usize,
  v: usize,
  kappa: usize,
  b: usize,
  bytes: usize,
  sixteen: bool,
): void {
  const row: usize = sixteen ? 64 : 32;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let j: usize = 0, at = S; j < bytes; j += 4, at += row) {
    const kj = v128.load32_splat(kappa + j);
    s0 = f32x4.sub(s0, f32x4.mul(v128.load(at), kj));
    s1 = f32x4.sub(s1, f32x4.mul(v128.load(at, 16), kj));
    if (sixteen) {
      s2 = f32x4.sub(s2, f32x4.mul(v128.load(at, 32), kj));
      s3 = f32x4.sub(s3, f32x4.mul(v128.load(at, 48), kj));
    }
  }
  let y0 = f32x4.splat(0);
  let y1 = y0;
  let y2 = y0;
  let y3 = y0;
  for (let j: usize = 0, at = S; j < bytes; j += 4, at += row) {
    const wj = v128.load32_splat(w + j);
    const bj = v128.load32_splat(b + j);
    const kj = v128.load32_splat(k + j);
    const rj = v128.load32_splat(r + j);
    y0 = f32x4.add(y0, f32x4.mul(rj, update(at, wj, bj, kj, s0, v128.load(v))));
    y1 = f32x4.add(y1, f32x4.mul(rj, update(at + 16, wj, bj, kj, s1, v128.load(v, 16))));
    if (sixteen) {
      y2 = f32x4.add(y2, f32x4.mul(rj, update(at + 32, wj, bj, kj, s2, v128.load(v, 32))));
      y3 = f32x4.add(y3, f32x4.mul(rj, update(at + 48, wj, bj, kj, s3, v128.load(v, 48))));
    }
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  if (sixteen) {
    v128.store(y, y2, 32);
    v128.store(y, y3, 48);
  }
}

/** S ← w S + s b + k v; returns S. */
// @ts-ignore: decorator
@inline
function update(S: usize, w: v128, b: v128, k: v128, s: v128, v: v128): v128 {
  const faded = f32x4.add(f32x4.mul(w, v128.load(S)), f32x4.mul(s, b));
  const written = f32x4.add(faded, f32x4.mul(k, v));
  v128.store(S, written);
  return written;
}
