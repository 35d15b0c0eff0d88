// Every store mode, for 1 to 5 tokens and rows that lie apart. Modes that are one IEEE operation after another have to
// give the twin's bits; the others hold the bounds of assembly/math.ts.
import { ADD, ADD_GATED, RELU2, SIGMOID, SILU, STORE, storeTile, TANH } from "../../assembly/store";
import { at, random, relative, reseed } from "./support";

const MODES: i32[] = [STORE, TANH, SIGMOID, SILU, RELU2, ADD, ADD_GATED];
/** Values between the starts of two rows of dst. */
const STRIDES: i32[] = [32, 36, 96];

function twin(mode: i32, x: f32, dst: f32, gate: f32): f64 {
  if (mode == TANH) return Math.tanh(x);
  if (mode == SIGMOID) return 1 / (1 + Math.exp(-x));
  if (mode == SILU) return x / (1 + Math.exp(-x));
  if (mode == RELU2) return x > 0 ? x * x : 0;
  if (mode == ADD) return dst + x;
  if (mode == ADD_GATED) return dst + gate * x;
  return x;
}

function limit(mode: i32): f64 {
  return mode == TANH || mode == SIGMOID || mode == SILU ? 2.1e-7 : 0;
}

describe("storeTile", () => {
  it("applies each mode to each row, and touches nothing between the rows", () => {
    reseed(1);
    for (let m = 0; m < MODES.length; m++) {
      for (let count = 1; count <= 5; count++) {
        for (let s = 0; s < STRIDES.length; s++) check(MODES[m], count, STRIDES[s]);
      }
    }
  });
});

function check(mode: i32, count: i32, stride: i32): void {
  const tile = random(32 * (count + 1), -6, 6);
  const gate = random(stride * count);
  const dst = random(stride * count + 32);
  const before = StaticArray.slice<f32>(dst);
  storeTile(at(tile), at(dst), at(gate), stride << 2, count, mode);
  let error: f64 = 0;
  for (let i = 0; i < dst.length; i++) {
    const t = i / stride;
    const r = i % stride;
    const stored = t < count && r < 32;
    const want = stored ? twin(mode, tile[t * 32 + r], before[i], gate[i]) : <f64>before[i];
    error = max(error, relative(dst[i], want));
  }
  expect(error).toBeLessThanOrEqual(limit(mode));
}
