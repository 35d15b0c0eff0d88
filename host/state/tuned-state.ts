import { type Checkpoint, isTunedState } from "../checkpoint/checkpoint.ts";
import { openCheckpoint, openModelFile } from "../checkpoint/open.ts";
import { initialState, kernelOrder } from "../engine/state-layout.ts";
import { WkvError } from "../errors.ts";
import { publishedNames } from "../models/names.ts";
import { collectTunedState } from "../models/tuned.ts";
import { swapLastAxes, weightValues } from "../models/values.ts";
import type { Shape } from "../models/version.ts";
import { swapped, type Weight, type Weights } from "../models/weights.ts";
import type { ModelSource } from "../source/open.ts";
import { readBytes, type Source } from "../source/source.ts";
import type { Identity } from "./identity.ts";
import { isSavedState, MAX_HEADER_BYTES, readState, writeState } from "./state-file.ts";

/**
 * A state for sessions to start from, in the form of a saved one: of a file of state tuning, or of a saved session.
 * @throws WkvError `bad-state` when it is no state or another model's; as opening a model does
 */
export async function readInitialState(source: ModelSource, shape: Shape, model: Identity): Promise<Uint8Array> {
  const file = await openModelFile(source);
  try {
    const checkpoint = await openCheckpoint(file);
    if (isSavedState(checkpoint)) return await readSaved(file, shape, model);
    const weights = stateTensors(checkpoint, file.name);
    const tensors = collectTunedState(weights, shape, file.name);
    if (!tensors)
      throw new WkvError(
        "bad-state",
        `${file.name} has no tensor blocks.0.att.time_state: give a file of state tuning or what session.save() gave.`,
      );
    return writeState(shape, model, { state: await tunedState(tensors, shape), logits: undefined });
  } finally {
    await file.close();
  }
}

async function readSaved(file: Source, shape: Shape, model: Identity): Promise<Uint8Array> {
  const most = 4 * (shape.layers * shape.layerState + shape.vocabSize) + MAX_HEADER_BYTES;
  if (file.size > most)
    throw new WkvError("bad-state", `${file.name} has ${file.size} bytes, a state of this model at most ${most}.`);
  const bytes = await readBytes(file, 0, file.size);
  readState(shape, model, bytes); // its errors belong here
  return bytes;
}

/** The tensors by their published names. A .safetensors of nothing but states is web-rwkv's, whose axes are swapped. */
function stateTensors(checkpoint: Checkpoint, file: string): Weights {
  const { format, tensors } = checkpoint;
  const { weights } = publishedNames(checkpoint, file);
  if (format !== "safetensors" || ![...tensors.keys()].every(isTunedState)) return weights;
  return new Map([...weights].map(([name, weight]) => [name, swapped(weight)]));
}

/**
 * A state as the kernels keep it: what tuning gives for the recurrence, nothing for the token shifts.
 * @param tensors one for each layer, [heads, values, keys]
 */
export async function tunedState(tensors: readonly Weight[], shape: Shape): Promise<Float32Array> {
  const { version, layerState, width, headSize: n } = shape;
  const published = initialState(shape);
  for (const [layer, tensor] of tensors.entries()) {
    const values = await weightValues(tensor);
    const at = layer * layerState + 2 * width;
    if (version.stateOrder === "value-key") published.set(values, at);
    else published.set(swapLastAxes(values, [n, n]), at);
  }
  return kernelOrder(shape, published);
}
