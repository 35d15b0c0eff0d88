// The elementary functions against f64's, over their whole range: every STEP-th of all 2^32 bit patterns, which is 8000
// values of each binade, of the subnormal numbers too. The limits are those that assembly/math.ts states.
import { exp, lanes, sigmoid, silu, tanh } from "../../assembly/math";
import { bits, relative, reseed } from "./support";

const STEP: u32 = 1021;

type Kernel = (x: v128) => v128;
type Exact = (x: f64) => f64;

const y = new StaticArray<f32>(4);

/** The largest relative error for x in [low, high]. A quarter of the patterns goes through each lane. */
function worst(kernel: Kernel, exact: Exact, low: f32, high: f32): f64 {
  let error: f64 = 0;
  for (let pattern: u32 = 0; pattern < 1 << 30; pattern += STEP) {
    const x = i32x4(pattern, pattern + (1 << 30), pattern + (2 << 30), pattern + (3 << 30));
    v128.store(changetype<usize>(y), kernel(x));
    for (let lane = 0; lane < 4; lane++) {
      const xl = reinterpret<f32>(pattern + ((<u32>lane) << 30));
      if (xl >= low && xl <= high) error = max(error, relative(y[lane], exact(xl)));
    }
  }
  return error;
}

/** Whether kernel(x) is `want`, or NaN where NaN is wanted, for every sampled x in [low, high]. */
function constant(kernel: Kernel, want: f32, low: f32, high: f32): bool {
  for (let pattern: u64 = 0; pattern < 1 << 32; pattern += STEP) {
    const x = reinterpret<f32>(<u32>pattern);
    if (x >= low && x <= high && at(kernel, x) != want) return false;
  }
  return at(kernel, low) == want && at(kernel, high) == want;
}

function at(kernel: Kernel, x: f32): f32 {
  return f32x4.extract_lane(kernel(f32x4.splat(x)), 0);
}

// Function values of their own, because inlined functions have no address.
const ofExp: Kernel = (x: v128) => exp(x);
const ofSigmoid: Kernel = (x: v128) => sigmoid(x);
const ofSilu: Kernel = (x: v128) => silu(x);
const ofTanh: Kernel = (x: v128) => tanh(x);

describe("exp", () => {
  it("is within 1e-7 from −87.33 to 88.72", () => {
    expect(worst(ofExp, (x: f64) => Math.exp(x), -87.33, 88.72)).toBeLessThan(1e-7);
  });
  it("is 0 below, infinite above, NaN for NaN", () => {
    expect(constant(ofExp, 0, -Infinity, -87.34)).toBe(true);
    expect(constant(ofExp, Infinity, 88.73, Infinity)).toBe(true);
    expect(isNaN(at(ofExp, NaN))).toBe(true);
  });
  it("is exactly 1 at zeros and subnormal numbers", () => {
    expect(constant(ofExp, 1, -1e-38, 1e-38)).toBe(true);
  });
});

describe("sigmoid", () => {
  it("is within 1.6e-7 from −87.33 on", () => {
    expect(worst(ofSigmoid, (x: f64) => 1 / (1 + Math.exp(-x)), -87.33, Infinity)).toBeLessThan(1.6e-7);
  });
  it("is 0 below −88.73, NaN for NaN", () => {
    expect(constant(ofSigmoid, 0, -Infinity, -88.73)).toBe(true);
    expect(isNaN(at(ofSigmoid, NaN))).toBe(true);
  });
});

describe("silu", () => {
  it("is within 2.1e-7 from −87.33 on", () => {
    expect(worst(ofSilu, (x: f64) => x / (1 + Math.exp(-x)), -87.33, f32.MAX_VALUE)).toBeLessThan(2.1e-7);
  });
  it("is 0 below −88.73, NaN for NaN", () => {
    expect(constant(ofSilu, 0, -f32.MAX_VALUE, -88.73)).toBe(true);
    expect(isNaN(at(ofSilu, NaN))).toBe(true);
  });
});

describe("tanh", () => {
  it("is within 1.6e-7 everywhere", () => {
    expect(worst(ofTanh, (x: f64) => Math.tanh(x), -Infinity, Infinity)).toBeLessThan(1.6e-7);
  });
  it("is odd, and 1 from 9.1 on", () => {
    reseed(1);
    for (let i = 0; i < 1000; i++) {
      const x = abs(reinterpret<f32>(bits()));
      if (!isNaN(x)) expect(at(ofTanh, -x)).toBe(-at(ofTanh, x));
    }
    expect(constant(ofTanh, 1, 9.1, Infinity)).toBe(true);
    expect(isNaN(at(ofTanh, NaN))).toBe(true);
  });
});

describe("lanes", () => {
  it("adds all four", () => {
    expect(lanes(f32x4(1, 20, 300, 4000))).toBe(4321);
  });
});
