// The recurrence of one head of RWKV-5 and 6 against its two equations in f64.
import { wkv6 } from "../../assembly/wkv6";
import { at, copy, random, reseed, rowError, sameBits, statePlace } from "./support";

const SIZES: i32[] = [8, 16, 24, 32, 40, 48, 64];
const MOST_TOKENS: i32 = 5;
/** Rows hold the values of other heads too. */
const MARGIN: i32 = 12;
const LIMIT: f64 = 5e-7;

let n: i32 = 0;
let stride: i32 = 0;
/** Values from one token's decay to the next one's: 0 as in RWKV-5, or a row. */
let wStride: i32 = 0;
let S = random(0);
let r = random(0);
let k = random(0);
let v = random(0);
let w = random(0);
let u = random(0);

function data(size: i32, oneDecay: bool): void {
  n = size;
  stride = n + MARGIN;
  wStride = oneDecay ? 0 : stride;
  S = random(n * n);
  r = random(stride * MOST_TOKENS);
  k = random(stride * MOST_TOKENS);
  v = random(stride * MOST_TOKENS);
  w = random(stride * MOST_TOKENS, 0, 1);
  u = random(n);
}

function run(y: StaticArray<f32>, first: i32, count: i32): void {
  const row = first * stride;
  const decay = at(w, first * wStride);
  wkv6(at(S), at(y, row), at(r, row), at(k, row), at(v, row), decay, wStride << 2, at(u), n, count, stride << 2);
}

function check(count: i32): void {
  const y = random(stride * count);
  const wantS = new StaticArray<f64>(n * n);
  const wantY = new StaticArray<f64>(stride * count);
  for (let i = 0; i < n * n; i++) wantS[i] = S[i];
  for (let i = 0; i < wantY.length; i++) wantY[i] = y[i];
  for (let t = 0; t < count; t++) {
    for (let i = 0; i < n; i++) {
      let sum: f64 = 0;
      for (let j = 0; j < n; j++) {
        const kv = <f64>k[t * stride + j] * <f64>v[t * stride + i];
        sum += r[t * stride + j] * (u[j] * kv + wantS[statePlace(n, j, i)]);
        wantS[statePlace(n, j, i)] = w[t * wStride + j] * wantS[statePlace(n, j, i)] + kv;
      }
      wantY[t * stride + i] = sum;
    }
  }
  run(y, 0, count);
  // The values between the rows are in both: they have to be as before.
  expect(rowError(y, wantY)).toBeLessThan(LIMIT);
  expect(rowError(S, wantS)).toBeLessThan(LIMIT);
}

describe("wkv6", () => {
  it("follows the equations within 5e-7 of the largest value", () => {
    reseed(1);
    for (let i = 0; i < SIZES.length; i++) {
      for (let count = 1; count <= MOST_TOKENS; count++) {
        data(SIZES[i], false);
        check(count);
        data(SIZES[i], true);
        check(count);
      }
    }
  });
  it("gives the same bits for five tokens at once and one by one", () => {
    reseed(2);
    for (let i = 0; i < SIZES.length; i++) {
      data(SIZES[i], i % 2 == 0);
      const before = copy(S);
      const together = new StaticArray<f32>(stride * MOST_TOKENS);
      run(together, 0, MOST_TOKENS);
      const after = S;
      S = before;
      const apart = new StaticArray<f32>(stride * MOST_TOKENS);
      for (let t = 0; t < MOST_TOKENS; t++) run(apart, t, 1);
      expect(sameBits(apart, together)).toBe(true);
      expect(sameBits(S, after)).toBe(true);
    }
  });
});
