import * as abi from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import { makeBatch, runBatch } from "../engine/batch.ts";
import type { Model } from "../model/model.ts";
import { kindOf } from "../options/names.ts";
import { checkModel } from "../options/values.ts";

/**
 * The share of exact zeros among the hidden values of the last layer's channel mixing (what relu² leaves), over all
 * tokens. Of the last layer only, because the layers share the buffer.
 * @example
 * console.log(await zeroShare(model, model.tokenizer.encode("Once upon a time")));
 */
export async function zeroShare(model: Model, tokens: readonly number[]): Promise<number> {
  checkModel(model);
  if (!Array.isArray(tokens)) throw new TypeError(`"tokens" expected an array of ids, got ${kindOf(tokens)}`);
  if (tokens.length < 1 || tokens.length > abi.BATCH_MAX_ROWS)
    throw new RangeError(`"tokens" expected 1 to ${abi.BATCH_MAX_ROWS} ids, got ${tokens.length}`);
  const { runner } = model;
  const { engine, plan } = runner;
  const { vocabSize, ffn: values } = plan.shape;
  const wrong = tokens.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong !== undefined) throw new RangeError(`"tokens" expected ids from 0 to ${vocabSize - 1}, got ${wrong}`);
  const state = runner.takeState();
  try {
    await runner.reached(state);
    await runBatch(engine, plan, makeBatch([{ state, tokens, done: 0 }], plan));
  } finally {
    runner.freeState(state);
  }
  const { address = 0, stride = 0 } = plan.buffers[buf.HIDDEN] ?? {};
  let zeros = 0;
  for (let row = 0; row < tokens.length; row++)
    for (const value of await engine.memory.read(address + row * stride, values)) if (value === 0) zeros++;
  return zeros / (tokens.length * values);
}
