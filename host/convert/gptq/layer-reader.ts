import * as abi from "../../../assembly/abi.ts";
import * as buf from "../../../assembly/buffers.ts";
import { batchWords, type Job } from "../../engine/batch.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Plan } from "../../engine/plan.ts";
import { initialState } from "../../engine/state-layout.ts";

/** What is kept of each token between two layers. */
const KEPT = [buf.X, buf.V_FIRST];

/**
 * Reads a text layer by layer: all its tokens go through one layer before the first goes through the next. Between two
 * layers the residual stream is in the host's memory, 4 bytes for each token and value.
 */
export class LayerReader {
  readonly #engine: Engine;
  readonly #plan: Plan;
  readonly #tokens: readonly number[];
  readonly #start: Float32Array;
  /** By buffer: the rows of each batch. */
  readonly #kept: ReadonlyMap<number, Float32Array[]>;

  constructor(engine: Engine, plan: Plan, tokens: readonly number[]) {
    this.#engine = engine;
    this.#plan = plan;
    this.#tokens = tokens;
    this.#start = initialState(plan.shape);
    this.#kept = new Map(KEPT.filter((buffer) => (plan.buffers[buffer]?.stride ?? 0) > 0).map((each) => [each, []]));
  }

  /**
   * Takes all tokens into a layer's first phases. `visit` finds what the next phase reads in the buffers.
   * @param phases 0 for the whole layer, whose results then are the next layer's
   */
  async read(layer: number, phases: number, visit: (rows: number) => Promise<void> = async () => {}): Promise<void> {
    await this.#engine.memory.write(this.#plan.states, this.#start);
    for (let first = 0, i = 0; first < this.#tokens.length; first += abi.BATCH_MAX_ROWS, i++) {
      const tokens = this.#tokens.slice(first, first + abi.BATCH_MAX_ROWS);
      void this.#engine.memory.write(this.#plan.batch, this.#batchOf(tokens));
      if (layer > 0) for (const [buffer, rows] of this.#kept) void this.#write(buffer, rows[i] as Float32Array);
      await this.#engine.run(abi.OP_LAYERS, [tokens.length, 1, 0, layer, layer + 1, phases]);
      await visit(tokens.length);
      if (phases === 0) for (const [buffer, rows] of this.#kept) rows[i] = await this.rows(buffer, tokens.length);
    }
  }

  /** The first rows of a buffer, one after the other. */
  rows(buffer: number, count: number): Promise<Float32Array> {
    const { address, stride } = this.#plan.buffers[buffer] as Plan["buffers"][0];
    return this.#engine.memory.read(address, (count * stride) / 4);
  }

  /** Of a buffer's first row. */
  address(buffer: number): number {
    return this.#plan.buffers[buffer]?.address ?? 0;
  }

  #write(buffer: number, rows: Float32Array): Promise<void> {
    return this.#engine.memory.write(this.address(buffer), rows);
  }

  #batchOf(tokens: number[]): Uint32Array<ArrayBuffer> {
    const job: Job = { state: this.#plan.states, tokens, done: 0 };
    return batchWords({ segments: [{ job, first: 0, end: tokens.length }], wanted: [], ending: [] });
  }
}
