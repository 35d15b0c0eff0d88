// Rows of f32 against f64 twins. Limits are shares of the row's largest value.
import { lerp, norm, sum } from "../../assembly/vec";
import { at, random, reseed, rowError, sameBits, tail } from "./support";

const LENGTHS: i32[] = [8, 16, 24, 40, 136, 1000, 4096];
const EPS: f32 = 1e-5;
/** Values behind the end of a result that have to stay as they were. */
const GUARD: i32 = 8;

function normTwin(x: StaticArray<f32>, weight: StaticArray<f32>, bias: StaticArray<f32>, n: i32): StaticArray<f64> {
  let mean: f64 = 0;
  for (let i = 0; i < n; i++) mean += x[i];
  mean /= n;
  let variance: f64 = 0;
  for (let i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
  const scale = 1 / Math.sqrt(variance / n + EPS);
  const y = new StaticArray<f64>(n);
  for (let i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  return y;
}

describe("norm", () => {
  it("is within 3e-7, in place or not", () => {
    reseed(1);
    for (let l = 0; l < LENGTHS.length; l++) {
      const n = LENGTHS[l];
      const x = random(n + GUARD, -1, 4);
      const weight = random(n);
      const bias = random(n);
      const want = normTwin(x, weight, bias, n);
      const y = random(n + GUARD);
      const behind = tail(y, n);
      norm(at(y), at(x), at(weight), at(bias), n, EPS);
      expect(rowError(y, want)).toBeLessThan(3e-7);
      expect(sameBits(tail(y, n), behind)).toBe(true);
      norm(at(x), at(x), at(weight), at(bias), n, EPS);
      expect(memory.compare(at(x), at(y), n << 2)).toBe(0);
    }
  });
  it("of a constant row is the bias: eps keeps the scale finite", () => {
    const x = new StaticArray<f32>(24).fill(3);
    const bias = random(24);
    norm(at(x), at(x), at(random(24)), at(bias), 24, EPS);
    expect(sameBits(x, bias)).toBe(true);
  });
});

describe("sum", () => {
  it("is within 3e-8 of Σ|x|", () => {
    reseed(2);
    for (let l = 0; l < LENGTHS.length; l++) {
      const n = LENGTHS[l];
      const x = random(n + GUARD);
      let want: f64 = 0;
      let size: f64 = 0;
      for (let i = 0; i < n; i++) {
        want += x[i];
        size += abs(x[i]);
      }
      expect(abs(sum(at(x), n) - want) / size).toBeLessThan(3e-8);
    }
  });
});

describe("lerp", () => {
  it("is within 1e-7, in place or not", () => {
    reseed(3);
    for (let l = 0; l < LENGTHS.length; l++) {
      const n = LENGTHS[l];
      const a = random(n);
      const b = random(n);
      const m = random(n + GUARD, -0.5, 1.5);
      const want = new StaticArray<f64>(n);
      for (let i = 0; i < n; i++) want[i] = <f64>a[i] * (1 - <f64>m[i]) + <f64>b[i] * <f64>m[i];
      const y = random(n + GUARD);
      const behind = tail(y, n);
      lerp(at(y), at(a), at(b), at(m), n);
      expect(rowError(y, want)).toBeLessThan(1e-7);
      expect(sameBits(tail(y, n), behind)).toBe(true);
      lerp(at(m), at(a), at(b), at(m), n);
      expect(memory.compare(at(m), at(y), n << 2)).toBe(0);
    }
  });
  it("is a at 0", () => {
    const a = random(24);
    const y = new StaticArray<f32>(24);
    lerp(at(y), at(a), at(random(24)), at(new StaticArray<f32>(24)), 24);
    expect(sameBits(y, a)).toBe(true);
  });
});
