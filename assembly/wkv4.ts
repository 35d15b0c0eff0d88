// The recurrence of RWKV-4: per channel a weighted average of all v so far, with weights e^k that decay by e^w per
// token, and a bonus u for the current one. Numerator aa and denominator bb share a factor e^pp, so that no exponent
// overflows. (arXiv 2305.13048, appendix D)
import { exp } from "./math";

/**
 * y = r · wkv for `n` channels of `count` tokens; rows `stride` bytes apart; y may be r.
 * `aa`, `bb`, `pp`: the state's vectors at these channels, updated. `w` = −e^time_decay, `u` = time_first.
 */
export function wkv4(
  y: usize,
  r: usize,
  k: usize,
  v: usize,
  w: usize,
  u: usize,
  aa: usize,
  bb: usize,
  pp: usize,
  n: i32,
  count: i32,
  stride: usize,
): void {
  for (let c: usize = 0; c < (<usize>n) << 2; c += 16) {
    const decay = v128.load(w + c);
    const bonus = v128.load(u + c);
    let a = v128.load(aa + c);
    let b = v128.load(bb + c);
    let p = v128.load(pp + c);
    for (let t = 0, at = c; t < count; t++, at += stride) {
      const kt = v128.load(k + at);
      const vt = v128.load(v + at);
      const now = f32x4.add(bonus, kt);
      let q = f32x4.max(p, now);
      let e1 = exp(f32x4.sub(p, q));
      let e2 = exp(f32x4.sub(now, q));
      const top = f32x4.add(f32x4.mul(e1, a), f32x4.mul(e2, vt));
      const bottom = f32x4.add(f32x4.mul(e1, b), e2);
      v128.store(y + at, f32x4.mul(v128.load(r + at), f32x4.div(top, bottom)));
      const faded = f32x4.add(p, decay);
      q = f32x4.max(faded, kt);
      e1 = exp(f32x4.sub(faded, q));
      e2 = exp(f32x4.sub(kt, q));
      a = f32x4.add(f32x4.mul(e1, a), f32x4.mul(e2, vt));
      b = f32x4.add(f32x4.mul(e1, b), e2);
      p = q;
    }
    v128.store(aa + c, a);
    v128.store(bb + c, b);
    v128.store(pp + c, p);
  }
}
