import type { Above, Kernel } from "../../host/sampling/kernel.ts";

const { fround } = Math;

/** The scalar twin of assembly/sample.ts: the same operations in the same order, rounded to f32 where it does. */
export class PlainKernel implements Kernel {
  logits = new Float32Array();
  weights = new Float32Array();
  keys = new Float32Array();
  positions = new Uint32Array();
  ids = new Uint32Array();

  reserve(n: number): void {
    if (n <= this.logits.length) return;
    this.logits = new Float32Array(n);
    this.weights = new Float32Array(n);
    this.keys = new Float32Array(n);
    this.positions = new Uint32Array(n);
    this.ids = new Uint32Array(n);
  }

  greatest(keys: Float32Array, n: number): number {
    let top = -Infinity;
    for (let i = 0; i < n; i++) {
      const key = keys[i] as number;
      if (key > top) top = key;
      else if (Number.isNaN(key)) keys[i] = -Infinity;
    }
    return top;
  }

  weigh(n: number, top: number, temperature: number): number {
    const { logits, weights } = this;
    const lanes = new Float64Array(4);
    const heat = fround(temperature);
    for (let i = 0; i < n; i++) {
      const weight = exp(fround(fround((logits[i] as number) - top) / heat));
      weights[i] = weight;
      lanes[i & 3] = (lanes[i & 3] as number) + weight;
    }
    return sum(lanes);
  }

  above(keys: Float32Array, n: number, threshold: number): Above {
    const lanes = new Float64Array(4);
    const from = fround(threshold);
    let [count, least, below] = [0, Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      const key = keys[i] as number;
      if (key >= from) {
        lanes[i & 3] = (lanes[i & 3] as number) + (this.weights[i] as number);
        count++;
        if (key < least) least = key;
      } else if (key > below) below = key;
    }
    return { mass: sum(lanes), count, least, below };
  }

  select(keys: Float32Array, n: number, from: number, to: number): number {
    let count = 0;
    for (let i = 0; i < n; i++) {
      const key = keys[i] as number;
      if (key >= fround(from) && key <= fround(to)) this.positions[count++] = i;
    }
    return count;
  }

  keep(keys: Float32Array, n: number, from: number, position: number, whole: boolean): number {
    const { logits, weights, ids } = this;
    let count = 0;
    for (let i = 0; i < n; i++) {
      const key = keys[i] as number;
      if (!(key >= from) || (i > position && key === from)) continue;
      ids[count] = whole ? i : (ids[i] as number);
      weights[count] = weights[i] as number;
      logits[count] = logits[i] as number;
      keys[count++] = key;
    }
    return count;
  }

  moment(n: number, top: number): number {
    const lanes = new Float64Array(4);
    for (let i = 0; i < n; i++) {
      const x = Math.max(fround((this.logits[i] as number) - top), -1000);
      lanes[i & 3] = (lanes[i & 3] as number) + fround((this.weights[i] as number) * x);
    }
    return sum(lanes);
  }

  near(n: number, middle: number): void {
    const centre = fround(middle);
    for (let i = 0; i < n; i++) this.keys[i] = -Math.abs((this.logits[i] as number) - centre);
  }
}

function sum(lanes: Float64Array): number {
  const [a, b, c, d] = lanes as unknown as [number, number, number, number];
  return a + b + (c + d);
}

const ROUND = 12582912; // 1.5 · 2^23
const LOG2_E = fround(Math.LOG2E);
const LN2_HIGH = fround(0.693359375);
const LN2_LOW = fround(-2.1219444e-4);
const P4 = fround(0.0013814540579915047);
const P3 = fround(0.00836874544620514);
const P2 = fround(0.04166838899254799);
const P1 = fround(0.1666652113199234);
const P0 = fround(0.4999999403953552);

/** e^x for x ≤ 0 */
function exp(x: number): number {
  if (!(x >= -87)) return 0;
  const n = fround(fround(fround(x * LOG2_E) + ROUND) - ROUND);
  const r = fround(fround(x - fround(n * LN2_HIGH)) - fround(n * LN2_LOW));
  let p = fround(fround(P4 * r) + P3);
  p = fround(fround(p * r) + P2);
  p = fround(fround(p * r) + P1);
  p = fround(fround(p * r) + P0);
  p = fround(fround(fround(p * fround(r * r)) + r) + 1);
  return fround(p * powerOfTwo(n));
}

const words = new Int32Array(1);
const floats = new Float32Array(words.buffer);

/** 2^n for −126 ≤ n ≤ 127 */
function powerOfTwo(n: number): number {
  words[0] = (n + 127) << 23;
  return floats[0] as number;
}
