import { sampleModule } from "#sample";
import { WkvError } from "../errors.ts";
import type { Above, Kernel } from "./kernel.ts";

/** assembly/sample.ts */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly count: WebAssembly.Global;
  readonly least: WebAssembly.Global;
  readonly below: WebAssembly.Global;
  firstFree(): number;
  greatest(keys: number, n: number): number;
  weigh(logits: number, weights: number, n: number, top: number, temperature: number): number;
  above(keys: number, weights: number, n: number, threshold: number): number;
  select(keys: number, n: number, from: number, to: number, positions: number): number;
  keep(
    keys: number,
    logits: number,
    weights: number,
    ids: number,
    n: number,
    from: number,
    position: number,
    whole: boolean,
  ): number;
  moment(logits: number, weights: number, n: number, top: number): number;
  near(logits: number, keys: number, n: number, middle: number): void;
}

const PAGE = 65536;

export class WasmKernel implements Kernel {
  readonly #exports: Exports;
  #room = 0;
  logits = new Float32Array();
  weights = new Float32Array();
  keys = new Float32Array();
  positions = new Uint32Array();
  ids = new Uint32Array();

  private constructor(exports: Exports) {
    this.#exports = exports;
  }

  /** @throws WkvError `engine` if WebAssembly compilation is forbidden */
  static start(): WasmKernel {
    try {
      const { exports } = new WebAssembly.Instance(sampleModule());
      return new WasmKernel(exports as unknown as Exports);
    } catch (cause) {
      throw new WkvError(
        "engine",
        "The sampler needs WebAssembly, whose compilation is forbidden here: allow 'wasm-unsafe-eval' in the page's " +
          "Content-Security-Policy.",
        { cause },
      );
    }
  }

  reserve(n: number): void {
    if (n <= this.#room) return;
    const { memory, firstFree } = this.#exports;
    const start = (firstFree() + 15) & ~15;
    const missing = start + 5 * 4 * n - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    const [logits, weights, keys] = [0, 1, 2].map((i) => new Float32Array(memory.buffer, start + i * 4 * n, n));
    const [positions, ids] = [3, 4].map((i) => new Uint32Array(memory.buffer, start + i * 4 * n, n));
    Object.assign(this, { logits, weights, keys, positions, ids });
    this.#room = n;
  }

  greatest(keys: Float32Array, n: number): number {
    return this.#exports.greatest(keys.byteOffset, n);
  }

  weigh(n: number, top: number, temperature: number): number {
    return this.#exports.weigh(this.logits.byteOffset, this.weights.byteOffset, n, top, temperature);
  }

  above(keys: Float32Array, n: number, threshold: number): Above {
    const { count, least, below } = this.#exports;
    const mass = this.#exports.above(keys.byteOffset, this.weights.byteOffset, n, threshold);
    return { mass, count: count.value, least: least.value, below: below.value };
  }

  select(keys: Float32Array, n: number, from: number, to: number): number {
    return this.#exports.select(keys.byteOffset, n, from, to, this.positions.byteOffset);
  }

  keep(keys: Float32Array, n: number, from: number, position: number, whole: boolean): number {
    const [logits, weights, ids] = [this.logits.byteOffset, this.weights.byteOffset, this.ids.byteOffset];
    return this.#exports.keep(keys.byteOffset, logits, weights, ids, n, from, position, whole);
  }

  moment(n: number, top: number): number {
    return this.#exports.moment(this.logits.byteOffset, this.weights.byteOffset, n, top);
  }

  near(n: number, middle: number): void {
    this.#exports.near(this.logits.byteOffset, this.keys.byteOffset, n, middle);
  }
}

let kernel: Kernel | undefined;

/** The kernel shared by all samplers of a program: they never run at the same time. @throws as `WasmKernel.start` */
export function sharedKernel(): Kernel {
  kernel ??= WasmKernel.start();
  return kernel;
}
