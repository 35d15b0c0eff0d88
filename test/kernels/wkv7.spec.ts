// The recurrence of one head of RWKV-7 against S ← S(diag(w) − κᵀb) + vᵀk in f64, over several tokens.
import { wkv7 } from "../../assembly/wkv7";
import { at, random, reseed, rowError, statePlace } from "./support";

const SIZES: i32[] = [8, 16, 24, 32, 40, 48, 64];
const MOST_TOKENS: i32 = 5;
const LIMIT: f64 = 6e-7;

function check(n: i32): void {
  const S = random(n * n);
  const wantS = new StaticArray<f64>(n * n);
  for (let i = 0; i < n * n; i++) wantS[i] = S[i];
  for (let t = 0; t < MOST_TOKENS; t++) {
    const r = random(n);
    const w = random(n, 0.5, 1);
    const k = random(n);
    const v = random(n);
    const kappa = direction(n);
    const b = new StaticArray<f32>(n);
    for (let j = 0; j < n; j++) b[j] = kappa[j] * random(1, 0, 1)[0];
    const wantY = new StaticArray<f64>(n + 4);
    const y = random(n + 4);
    for (let i = n; i < n + 4; i++) wantY[i] = y[i];
    for (let i = 0; i < n; i++) {
      let removed: f64 = 0;
      for (let j = 0; j < n; j++) removed += wantS[statePlace(n, j, i)] * kappa[j];
      for (let j = 0; j < n; j++) {
        wantS[statePlace(n, j, i)] = wantS[statePlace(n, j, i)] * w[j] - removed * b[j] + <f64>v[i] * <f64>k[j];
        wantY[i] += wantS[statePlace(n, j, i)] * r[j];
      }
    }
    wkv7(at(S), at(y), at(r), at(w), at(k), at(v), at(kappa), at(b), n);
    expect(rowError(y, wantY)).toBeLessThan(LIMIT);
    expect(rowError(S, wantS)).toBeLessThan(LIMIT);
  }
}

/** A random vector of length 1. */
function direction(n: i32): StaticArray<f32> {
  const x = random(n);
  let squares: f32 = 0;
  for (let i = 0; i < n; i++) squares += x[i] * x[i];
  for (let i = 0; i < n; i++) x[i] /= sqrt<f32>(squares);
  return x;
}

describe("wkv7", () => {
  it("follows the equation within 6e-7 of the largest value, token after token", () => {
    reseed(1);
    for (let i = 0; i < SIZES.length; i++) for (let repeat = 0; repeat < 4; repeat++) check(SIZES[i]);
  });
});
