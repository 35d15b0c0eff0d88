/** The sampler's kernels in WebAssembly and in JavaScript: the same bits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kernel } from "../../../host/sampling/kernel.ts";
import { log } from "../../../host/sampling/log.ts";
import { WasmKernel } from "../../../host/sampling/wasm-kernel.ts";
import { PlainKernel } from "../../support/plain-kernel.ts";
import { random } from "../../support/random.ts";

const next = random(5);
const uniform = () => next(1 << 24) / (1 << 24);
const wasm = WasmKernel.start()!;
const plain = new PlainKernel();

/** Fills both with the same logits. */
function load(length: number): number {
  const spread = [1, 10, 100, 1e30][next(4)]!;
  const values = Float32Array.from(
    { length },
    () => [spread * (uniform() - 0.7), -Infinity, Number.NaN, -0][Math.max(0, next(40) - 36)]!,
  );
  for (const kernel of [wasm, plain]) {
    kernel.reserve(length);
    kernel.logits.set(values);
    kernel.weights.fill(0);
    kernel.keys.fill(0);
  }
  return length;
}

/** What a kernel answers and what it leaves in its arrays. */
function outcome(kernel: Kernel, n: number, work: (kernel: Kernel) => unknown) {
  const answer = work(kernel);
  const { logits, weights, keys } = kernel;
  return { answer, logits: bitsOf(logits, n), weights: bitsOf(weights, n), keys: bitsOf(keys, n) };
}

const bitsOf = (values: Float32Array, n: number) => [...new Uint32Array(values.slice(0, n).buffer)];

function assertSame(n: number, work: (kernel: Kernel) => unknown): void {
  assert.deepEqual(outcome(wasm, n, work), outcome(plain, n, work));
}

test("every kernel gives the same bits in WebAssembly and in JavaScript", () => {
  for (let round = 0; round < 2000; round++) {
    const n = load(4 * (1 + next(50)));
    const top = wasm.greatest(wasm.logits, n);
    assert.ok(plain.greatest(plain.logits, n) === top);
    if (!Number.isFinite(top)) continue;
    const temperature = [1, 0.3, 2.7, 1e-30][next(4)]!;
    assertSame(n, (kernel) => kernel.weigh(n, top, temperature));
    assertSame(n, (kernel) => kernel.moment(n, top));
    const middle = top * uniform();
    assertSame(n, (kernel) => kernel.near(n, middle));
    const key = plain.logits[next(n)]!;
    for (const from of [key, key - uniform(), top, -3.4e38])
      for (const keys of ["logits", "keys"] as const) {
        assertSame(n, (kernel) => kernel.above(kernel[keys], n, from));
        assertSame(n, (kernel) => [...kernel.positions.subarray(0, kernel.select(kernel[keys], n, from, top))]);
      }
    const position = next(n);
    assertSame(n, (kernel) => {
      const count = kernel.keep(kernel.logits, n, key, position, true);
      return [...kernel.ids.subarray(0, count)];
    });
  }
});

test("weights are within 1e-7 of e^x", () => {
  const n = load(4096);
  for (let i = 0; i < n; i++) wasm.logits[i] = (-87 * i) / n;
  wasm.weigh(n, 0, 1);
  for (let i = 0; i < n; i++) {
    const exact = Math.exp(wasm.logits[i]!);
    assert.ok(Math.abs(wasm.weights[i]! / exact - 1) < 1e-7, `e^${wasm.logits[i]}`);
  }
});

test("log is within 4.5e-16 of Math.log, relatively", () => {
  for (let i = 0; i < 10_000; i++) {
    const x = uniform() * 10 ** (next(600) - 300) + Number.MIN_VALUE * 2 ** 60;
    assert.ok(Math.abs(log(x) - Math.log(x)) <= 4.5e-16 * Math.abs(Math.log(x)), String(x));
  }
  assert.equal(log(1), 0);
});

test("where WebAssembly may not be compiled, the error says what to allow", async () => {
  const { WebAssembly: before } = globalThis;
  Object.assign(globalThis, { WebAssembly: undefined });
  try {
    const alone: typeof import("../../../host/sampling/index.ts") = await import(
      `${new URL("../../../build/sampler.js", import.meta.url)}?without`
    );
    assert.throws(() => alone.createSampler({ topP: 0.9 })(new Float32Array(8)), {
      name: "WkvError",
      code: "engine",
      message: /wasm-unsafe-eval/,
    });
  } finally {
    Object.assign(globalThis, { WebAssembly: before });
  }
});
