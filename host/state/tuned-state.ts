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
 * An initial state for sessions, in the format of a saved state: from a file of state tuning, or from a saved session.
 * @throws WkvError `bad-state` if it is not a state or belongs to another model; the errors of opening a model
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
        `${file.name} has no tensor blocks.0.att.time_state: give a file of state tuning or the bytes of session.save().`,
      );
    return writeState(shape, model, { state: await tunedState(tensors, shape), logits: undefined });
  } finally {
    await file.close();
  }
}

async function readSaved(file: Source, shape: Shape, model: Identity): Promise<Uint8Array> {
  const most = 4 * (shape.layers * shape.layerState + shape.vocabSize) + MAX_HEADER_BYTES;
  if (file.size > most)
    throw new WkvError("bad-state", `${file.name} has ${file.size} bytes; a state of this model has at most ${most}.`);
  const bytes = await readBytes(file, 0, file.size);
  readState(shape, model, bytes); // throws its errors now
  return bytes;
}

/** The tensors by published name. A .safetensors with nothing but states is web-rwkv's, with swapped axes. */
function stateTensors(checkpoint: Checkpoint, file: string): Weights {
  const { format, tensors } = checkpoint;
  const { weights } = publishedNames(checkpoint, file);
  if (format !== "safetensors" || ![...tensors.keys()].every(isTunedState)) return weights;
  return new Map([...weights].map(([name, weight]) => [name, swapped(weight)]));
}

/**
 * A state in kernel order: the recurrence from tuning, zero token shifts.
 * @param tensors one per layer, [heads, values, keys]
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
