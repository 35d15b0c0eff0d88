import * as abi from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import { batchWords, type Job, makeBatch } from "./batch.ts";
import type { Engine, RunOptions } from "./engine.ts";
import type { Plan } from "./plan.ts";

/** A token's activations, layer by layer. */
export interface LayerValues {
  /** The residual stream: `width` values after the embedding, and after each layer. */
  readonly hidden: readonly Float32Array[];
  /** Logit lens: the head applied to each of them, `vocabSize` logits. */
  readonly lens: readonly Float32Array[] | undefined;
  /** The model's logits: those of the last layer. */
  readonly logits: Float32Array;
}

/**
 * Feeds one token into a state, layer by layer, with the same bits as a whole pass. Nothing else may be running.
 * @param lens whether to compute logits after every layer, which costs the head each time
 */
export async function runLayers(
  engine: Engine,
  plan: Plan,
  state: number,
  token: number,
  lens: boolean,
  options?: RunOptions,
): Promise<LayerValues> {
  const { layers, width, vocabSize } = plan.shape;
  const x = plan.buffers[buf.X]?.address ?? 0;
  const out = plan.buffers[buf.LOGITS]?.address ?? 0;
  const hidden: Float32Array[] = [];
  const logits: Float32Array[] = [];
  const places = await engine.embedding?.place([token]);
  void engine.memory.write(plan.batch, batchWords(makeBatch([{ state, tokens: [token], done: 0 }], plan), [], places));
  for (let end = 0; end <= layers; end++) {
    const wanted = lens || end === layers ? 1 : 0;
    await engine.run(abi.OP_LAYERS, [1, 1, wanted, Math.max(0, end - 1), end, 0], options);
    hidden.push(await engine.memory.read(x, width));
    if (wanted) logits.push(await engine.memory.read(out, vocabSize));
  }
  return { hidden, lens: lens ? logits : undefined, logits: logits.at(-1) as Float32Array };
}

/**
 * The logits after a token whose residual stream after the last layer is known, with the bits that the pass would have
 * given. Nothing else may be running.
 */
export async function runHead(
  engine: Engine,
  plan: Plan,
  hidden: Float32Array,
  options?: RunOptions,
): Promise<Float32Array> {
  const { layers, vocabSize } = plan.shape;
  void engine.memory.write(plan.batch, batchWords({ segments: [], wanted: [{ job: NO_JOB, row: 0 }], ending: [] }));
  void engine.memory.write(plan.buffers[buf.X]?.address ?? 0, hidden);
  await engine.run(abi.OP_LAYERS, [1, 0, 1, layers, layers, 0], options);
  return engine.memory.read(plan.buffers[buf.LOGITS]?.address ?? 0, vocabSize);
}

const NO_JOB: Job = { state: 0, tokens: [], done: 0 };
