import * as abi from "../../assembly/abi.ts";
import * as W from "../../assembly/slots.ts";
import type { Engine } from "./engine.ts";
import type { Plan } from "./plan.ts";

/** A head of the time mixing; both indices count from 0. */
export interface Head {
  readonly layer: number;
  readonly head: number;
}

/** Heads cut out of a model in memory. The kernels do not know about it. */
export class HeadCuts {
  readonly #engine: Engine;
  readonly #plan: Plan;
  /** The values that were replaced by zeros. */
  readonly #saved: { address: number; values: Float32Array }[] = [];

  constructor(engine: Engine, plan: Plan) {
    this.#engine = engine;
    this.#plan = plan;
  }

  /** Cuts exactly these heads. Nothing else may be running. */
  async set(heads: readonly Head[]): Promise<void> {
    const { memory } = this.#engine;
    for (const { address, values } of this.#saved.splice(0)) await memory.write(address, values);
    for (const head of heads) for (const slot of this.#plan.shape.version.headScales) await this.#cut(head, slot);
  }

  async #cut({ layer, head }: Head, slot: number): Promise<void> {
    const { memory } = this.#engine;
    const { headSize } = this.#plan.shape;
    const at = this.#plan.layerSlots + (layer * W.LAYER_SLOTS + slot) * abi.SLOT_BYTES;
    const [vector = 0] = new Uint32Array((await memory.read(at, 1)).buffer);
    const address = vector + 4 * head * headSize;
    this.#saved.push({ address, values: await memory.read(address, headSize) });
    await memory.write(address, new Float32Array(headSize));
  }
}
