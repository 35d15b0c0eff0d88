import type { Checkpoint } from "./checkpoint.ts";
import { addTensor } from "./stored.ts";

/** Prefixes that trainers' wrappers add to a model's names: DataParallel, DeepSpeed, Lightning, FSDP. */
const OUTER = /^(?:(?:module|_forward_module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)+/;
/** A wrapped model that is a part of Lightning's. */
const WRAPPED_PART = /^model\.(?:module\.)+/;
/** Parts that wrappers of single layers insert: torch.compile, FSDP, activation checkpointing. */
const INNER = /\.(?:(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)+/g;

/**
 * The checkpoint under the names the model had before a trainer wrapped it.
 * @throws WkvError `bad-file` when two names become the same
 */
export function withoutWrappers(checkpoint: Checkpoint, file: string): Checkpoint {
  const names = [...checkpoint.tensors.keys()];
  if (!names.some((name) => unwrapped(name) !== name)) return checkpoint;
  const tensors = new Map();
  for (const tensor of checkpoint.tensors.values())
    addTensor(tensors, { ...tensor, name: unwrapped(tensor.name) }, file);
  return { ...checkpoint, tensors };
}

function unwrapped(name: string): string {
  return name.replace(OUTER, "").replace(INNER, ".").replace(WRAPPED_PART, "model.");
}
