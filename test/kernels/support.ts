// What the specs share: random data that is the same in every run, buffers, measures of error.

let seed: u64 = 1;

/** Starts the sequence of random numbers anew, so that a spec's data does not depend on the specs before it. */
export function reseed(to: u64): void {
  seed = to;
}

/** The next 32 random bits. (SplitMix64's upper half) */
export function bits(): u32 {
  seed += 0x9e3779b97f4a7c15;
  let z = seed;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return <u32>((z ^ (z >> 31)) >> 32);
}

/** A random number in [low, high). */
export function uniform(low: f32, high: f32): f32 {
  return low + (high - low) * (<f32>(bits() >> 8) * <f32>(1.0 / 16777216.0));
}

/** An array of `n` random numbers in [low, high). */
export function random(n: i32, low: f32 = -1, high: f32 = 1): StaticArray<f32> {
  const values = new StaticArray<f32>(n);
  for (let i = 0; i < n; i++) values[i] = uniform(low, high);
  return values;
}

/** Address of element `i`. */
export function at(values: StaticArray<f32>, i: i32 = 0): usize {
  return changetype<usize>(values) + ((<usize>i) << 2);
}

export function copy(values: StaticArray<f32>): StaticArray<f32> {
  return StaticArray.slice<f32>(values);
}

/** The values from `from` on. */
export function tail(values: StaticArray<f32>, from: i32): StaticArray<f32> {
  return StaticArray.slice<f32>(values, from);
}

export function sameBits(a: StaticArray<f32>, b: StaticArray<f32>): bool {
  return a.length == b.length && memory.compare(at(a), at(b), (<usize>a.length) << 2) == 0;
}

/**
 * |got − want| / |want|, where |want| counts as the smallest normal number at least: below it f32 has fewer digits.
 * Infinite where only one of the two is NaN, and where only one is infinite.
 */
export function relative(got: f64, want: f64): f64 {
  if (got == want || (isNaN(got) && isNaN(want))) return 0;
  const error = abs(got - want) / max(abs(want), <f64>f32.MIN_NORMAL_VALUE);
  return isNaN(error) ? Infinity : error;
}

/** The largest |got − want| of two rows of values, as a share of the largest |want|: for sums whose terms cancel. */
export function rowError(got: StaticArray<f32>, want: StaticArray<f64>): f64 {
  let error: f64 = 0;
  let size: f64 = 0;
  for (let i = 0; i < want.length; i++) {
    error = max(error, abs(<f64>got[i] - want[i]));
    size = max(size, abs(want[i]));
  }
  return error == 0 ? 0 : isNaN(error) ? Infinity : error / size;
}

/** Where S[key j][value i] of a head of n×n values is: strips of 16 value channels, in each the keys. */
export function statePlace(n: i32, j: i32, i: i32): i32 {
  const strip = i & ~15;
  return strip * n + j * min(16, n - strip) + (i & 15);
}
