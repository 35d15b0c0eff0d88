// The sampler's kernels, a separate module with a separate memory (build/sample.ts holds its bytes): the sampler works
// without a model, on the caller's thread. test/support/plain-kernel.ts is the same in TypeScript, bit for bit. Counts
// are rounded up to four: padding keys are −∞.

/** First byte not used by the module itself. */
export function firstFree(): usize {
  return __heap_base;
}

/** Number of keys at or above the threshold of the last above(). */
export let count: i32 = 0;
/** The smallest of them; +∞ if there is none. */
export let least: f32 = 0;
/** The greatest of the others; −∞ if there is none. */
export let below: f32 = 0;

/** The greatest of n keys. NaN becomes −∞, in place. */
export function greatest(keys: usize, n: i32): f32 {
  let top = f32x4.splat(-Infinity);
  const end = keys + ((<usize>n) << 2);
  for (let at = keys; at < end; at += 16) {
    const x = v128.load(at);
    const y = v128.bitselect(x, f32x4.splat(-Infinity), f32x4.eq(x, x));
    v128.store(at, y);
    top = f32x4.pmax(top, y);
  }
  return max(
    max(f32x4.extract_lane(top, 0), f32x4.extract_lane(top, 1)),
    max(f32x4.extract_lane(top, 2), f32x4.extract_lane(top, 3)),
  );
}

/** weights = e^((logits − top) / temperature), relative error at most 1e-7. @returns their sum */
export function weigh(logits: usize, weights: usize, n: i32, top: f32, temperature: f32): f64 {
  const tops = f32x4.splat(top);
  const temperatures = f32x4.splat(temperature);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let i: usize = 0; i < (<usize>n) << 2; i += 16) {
    const w = exp(f32x4.div(f32x4.sub(v128.load(logits + i), tops), temperatures));
    v128.store(weights + i, w);
    low = f64x2.add(low, f64x2.promote_low_f32x4(w));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(w, w, 2, 3, 2, 3)));
  }
  return sum(low, high);
}

// @ts-ignore: decorator
@inline function all(x: f32): v128 {
  return f32x4.splat(x);
}

/** Adding it to a number below 2^22 rounds that to an integer, which is then in the low bits. */
const ROUND: f32 = 12582912; // 1.5 · 2^23

/**
 * e^x for x ≤ 0, 0 below −87. As in math.ts, x = n·ln 2 + r and e^r = 1 + r + r²·P(r); half as many operations, because
 * 2^n is a normal number and n needs no conversion.
 */
// @ts-ignore: decorator
@inline function exp(x: v128): v128 {
  const t = f32x4.add(f32x4.mul(x, all(1.44269504)), all(ROUND));
  const n = f32x4.sub(t, all(ROUND));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, all(0.693359375))), f32x4.mul(n, all(-2.1219444e-4)));
  let p = f32x4.add(f32x4.mul(all(0.0013814540579915047), r), all(0.00836874544620514));
  p = f32x4.add(f32x4.mul(p, r), all(0.04166838899254799));
  p = f32x4.add(f32x4.mul(p, r), all(0.1666652113199234));
  p = f32x4.add(f32x4.mul(p, r), all(0.4999999403953552));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), all(1));
  const power = i32x4.shl(i32x4.add(t, i32x4.splat(127)), 23);
  return v128.and(f32x4.mul(p, power), f32x4.ge(x, all(-87)));
}

/** Scans the keys from the threshold up; sets count, least and below. @returns the sum of their weights */
export function above(keys: usize, weights: usize, n: i32, threshold: f32): f64 {
  const thresholds = f32x4.splat(threshold);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let counts = i32x4.splat(0);
  let smallest = f32x4.splat(Infinity);
  let greatest = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < (<usize>n) << 2; i += 16) {
    const key = v128.load(keys + i);
    const is = f32x4.ge(key, thresholds);
    const w = v128.and(v128.load(weights + i), is);
    low = f64x2.add(low, f64x2.promote_low_f32x4(w));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(w, w, 2, 3, 2, 3)));
    counts = i32x4.sub(counts, is);
    smallest = f32x4.pmin(smallest, v128.bitselect(key, f32x4.splat(Infinity), is));
    greatest = f32x4.pmax(greatest, v128.bitselect(f32x4.splat(-Infinity), key, is));
  }
  count =
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3);
  least = min(
    min(f32x4.extract_lane(smallest, 0), f32x4.extract_lane(smallest, 1)),
    min(f32x4.extract_lane(smallest, 2), f32x4.extract_lane(smallest, 3)),
  );
  below = max(
    max(f32x4.extract_lane(greatest, 0), f32x4.extract_lane(greatest, 1)),
    max(f32x4.extract_lane(greatest, 2), f32x4.extract_lane(greatest, 3)),
  );
  return sum(low, high);
}

/** Writes the positions of the keys from `from` to `to`. @returns their number */
export function select(keys: usize, n: i32, from: f32, to: f32, positions: usize): i32 {
  let end = positions;
  for (let i = 0; i < n; i += 4) {
    const key = v128.load(keys + ((<usize>i) << 2));
    let is = i32x4.bitmask(v128.and(f32x4.ge(key, f32x4.splat(from)), f32x4.le(key, f32x4.splat(to))));
    for (; is; is &= is - 1) {
      store<i32>(end, i + ctz(is));
      end += 4;
    }
  }
  return <i32>((end - positions) >> 2);
}

/**
 * Moves the candidates with keys from `from` up, equal ones only up to `position`, to the front of all arrays.
 * @param whole no ids are written yet: they are the positions
 * @returns their number
 */
export function keep(
  keys: usize,
  logits: usize,
  weights: usize,
  ids: usize,
  n: i32,
  from: f32,
  position: i32,
  whole: bool,
): i32 {
  const lowest = f32x4.splat(from);
  let end: usize = 0;
  for (let i = 0; i < n; i += 4) {
    let is = i32x4.bitmask(f32x4.ge(v128.load(keys + ((<usize>i) << 2)), lowest));
    for (; is; is &= is - 1) {
      const each = i + ctz(is);
      const at = (<usize>each) << 2;
      const key = load<f32>(keys + at);
      if (each > position && key == from) continue;
      store<i32>(ids + end, whole ? each : load<i32>(ids + at));
      store<f32>(weights + end, load<f32>(weights + at));
      store<f32>(logits + end, load<f32>(logits + at));
      store<f32>(keys + end, key);
      end += 4;
    }
  }
  return <i32>(end >> 2);
}

/** @returns the sum of weights · (logits − top) */
export function moment(logits: usize, weights: usize, n: i32, top: f32): f64 {
  const tops = f32x4.splat(top);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let i: usize = 0; i < (<usize>n) << 2; i += 16) {
    // Zero weights contribute nothing, even for −∞.
    const x = f32x4.max(f32x4.sub(v128.load(logits + i), tops), all(-1000));
    const product = f32x4.mul(v128.load(weights + i), x);
    low = f64x2.add(low, f64x2.promote_low_f32x4(product));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(product, product, 2, 3, 2, 3)));
  }
  return sum(low, high);
}

/** keys = −|logits − middle| */
export function near(logits: usize, keys: usize, n: i32, middle: f32): void {
  const middles = f32x4.splat(middle);
  for (let i: usize = 0; i < (<usize>n) << 2; i += 16) {
    v128.store(keys + i, f32x4.neg(f32x4.abs(f32x4.sub(v128.load(logits + i), middles))));
  }
}

/** Sum of four f64 lanes, in a fixed order. */
// @ts-ignore: decorator
@inline function sum(low: v128, high: v128): f64 {
  return (
    f64x2.extract_lane(low, 0) +
    f64x2.extract_lane(low, 1) +
    (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1))
  );
}
