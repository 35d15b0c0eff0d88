// The recurrence of RWKV-4 against its plain form in f64, without the common factor: S ← e^w S + e^k v and so on. The
// state is compared as what it stands for, aa·e^pp and bb·e^pp.
import { wkv4 } from "../../assembly/wkv4";
import { at, copy, random, relative, reseed, sameBits } from "./support";

const CHANNELS: i32[] = [4, 8, 16, 20, 48, 64];
const MOST_TOKENS: i32 = 5;
/** Rows are wider than the channels of a call, as they are when several threads share the channels. */
const MARGIN: i32 = 12;

let n: i32 = 0;
let stride: i32 = 0;
let r = random(0);
let k = random(0);
let v = random(0);
let w = random(0);
let u = random(0);
let aa = random(0);
let bb = random(0);
let pp = random(0);

/** Data of `channels` channels with k in ±range, and a state as it is at the start or somewhere in a text. */
function data(channels: i32, range: f32, started: bool): void {
  n = channels;
  stride = n + MARGIN;
  r = random(stride * MOST_TOKENS, 0, 1);
  k = random(stride * MOST_TOKENS, -range, range);
  v = random(stride * MOST_TOKENS);
  w = random(n, -2, -0.001);
  u = random(n);
  aa = started ? random(n) : new StaticArray<f32>(n);
  bb = started ? random(n, 0.5, 3) : new StaticArray<f32>(n);
  pp = started ? random(n, -range, range) : new StaticArray<f32>(n).fill(-1e38);
}

function run(y: StaticArray<f32>, first: i32, count: i32): void {
  const row = first * stride;
  wkv4(at(y, row), at(r, row), at(k, row), at(v, row), at(w), at(u), at(aa), at(bb), at(pp), n, count, stride << 2);
}

/** Relative to the largest value that a mean of v can have, 1, times r; to its factor's own size for the state. */
function check(count: i32, limit: f64): void {
  const y = random(stride * count);
  const before = copy(y);
  const a = new StaticArray<f64>(n);
  const b = new StaticArray<f64>(n);
  for (let c = 0; c < n; c++) {
    a[c] = <f64>aa[c] * Math.exp(pp[c]);
    b[c] = <f64>bb[c] * Math.exp(pp[c]);
  }
  run(y, 0, count);
  let errorY: f64 = 0;
  let errorA: f64 = 0;
  let errorB: f64 = 0;
  for (let c = 0; c < n; c++) {
    for (let t = 0; t < count; t++) {
      const i = t * stride + c;
      const now = Math.exp(<f64>u[c] + <f64>k[i]);
      const key = Math.exp(k[i]);
      const fade = Math.exp(w[c]);
      errorY = max(errorY, abs(y[i] - (r[i] * (a[c] + now * v[i])) / (b[c] + now)));
      a[c] = fade * a[c] + key * v[i];
      b[c] = fade * b[c] + key;
    }
    const scale = Math.exp(pp[c]);
    errorA = max(errorA, abs(aa[c] * scale - a[c]) / b[c]);
    errorB = max(errorB, relative(bb[c] * scale, b[c]));
  }
  expect(errorY).toBeLessThan(limit);
  expect(errorA).toBeLessThan(limit);
  expect(errorB).toBeLessThan(limit);
  for (let i = 0; i < y.length; i++) if (i % stride >= n) expect(y[i]).toBe(before[i]);
}

describe("wkv4", () => {
  it("follows the plain form within 1e-6, from the start and from a state", () => {
    reseed(1);
    for (let i = 0; i < CHANNELS.length; i++) {
      for (let count = 1; count <= MOST_TOKENS; count++) {
        data(CHANNELS[i], 4, count % 2 == 0);
        check(count, 1e-6);
        data(CHANNELS[i], 4, count % 2 == 1);
        check(count, 1e-6);
      }
    }
  });
  // The exponents themselves, up to 160, are rounded by 8e-6 there.
  it("follows it within 3e-5 where k reaches ±80", () => {
    reseed(2);
    for (let i = 0; i < CHANNELS.length; i++) {
      data(CHANNELS[i], 80, true);
      check(MOST_TOKENS, 3e-5);
    }
  });
  it("gives the same bits for five tokens at once, one by one and in r's place", () => {
    reseed(3);
    for (let i = 0; i < CHANNELS.length; i++) {
      data(CHANNELS[i], 4, true);
      const state = [copy(aa), copy(bb), copy(pp)];
      const together = copy(r);
      run(together, 0, MOST_TOKENS);
      const after = [copy(aa), copy(bb), copy(pp)];

      memory.copy(at(aa), at(state[0]), n << 2);
      memory.copy(at(bb), at(state[1]), n << 2);
      memory.copy(at(pp), at(state[2]), n << 2);
      for (let t = 0; t < MOST_TOKENS; t++) run(r, t, 1);
      expect(sameBits(r, together)).toBe(true);
      expect(sameBits(aa, after[0]) && sameBits(bb, after[1]) && sameBits(pp, after[2])).toBe(true);
    }
  });
});
