import { type Checkpoint, isTunedState, type Tensor } from "../checkpoint/checkpoint.ts";
import { damaged, quoted } from "../checkpoint/damage.ts";
import { fromGguf } from "./gguf.ts";
import { checkConfig, familyOf, fromHuggingFace } from "./hf.ts";
import { entry, isLowRank, swapped, type Weight, type Weights, whole } from "./weights.ts";

/** Who named a checkpoint's tensors, and how to convert the names to published ones. */
interface Scheme {
  readonly name: string;
  convert(tensor: Tensor): Weight[];
}

/** A checkpoint's tensors under their published names, and their original naming scheme. */
export interface Published {
  readonly weights: Weights;
  readonly scheme: string;
}

/**
 * Gives a checkpoint's tensors their published names and shapes, whichever converter wrote it.
 * @param file file name for messages
 * @throws WkvError `bad-file` if two tensors have the same published name, under two schemes
 */
export function publishedNames(checkpoint: Checkpoint, file: string): Published {
  const { name: scheme, convert } = schemeOf(checkpoint, file);
  const weights = new Map<string, Weight>();
  for (const tensor of checkpoint.tensors.values()) {
    for (const weight of convert(tensor)) {
      if (weights.has(weight.name))
        throw damaged(file, `tensor ${quoted(tensor.name)} is ${weight.name}, which already exists: convert it again.`);
      weights.set(weight.name, weight);
    }
  }
  return { weights, scheme };
}

/**
 * @param file file name for messages @throws WkvError `bad-file` for a contradictory GGUF, `unsupported-model` for an
 * unsupported config.json
 */
function schemeOf(checkpoint: Checkpoint, file: string): Scheme {
  if (checkpoint.format === "rwkv.cpp") return { name: "rwkv.cpp", convert: fromRwkvCpp };
  if (checkpoint.format === "gguf") return { name: "llama.cpp", convert: fromGguf(checkpoint, file) };
  if (checkpoint.packed) return { name: "published", convert: (tensor) => [whole(tensor)] };
  const family = familyOf(checkpoint.tensors.keys());
  if (family) {
    checkConfig(checkpoint.config ?? {}, file);
    return { name: family.name, convert: fromHuggingFace(family) };
  }
  if (isWebRwkv(checkpoint.tensors)) return { name: "web-rwkv", convert: fromWebRwkv };
  if (isWebRwkv5(checkpoint)) return { name: "web-rwkv", convert: fromWebRwkv5 };
  return { name: "published", convert: (tensor) => [whole(tensor)] };
}

/**
 * rwkv.cpp: six mixing vectors in one tensor, decay and bonus of v4 and v5 transformed, low-rank matrices transposed.
 */
function fromRwkvCpp(tensor: Tensor): Weight[] {
  const weight = whole(tensor);
  const { name } = tensor;
  if (name.endsWith(".att.x_rwkvag"))
    return Array.from("rwkvag", (c, i) => entry(weight, i, name.replace("x_rwkvag", `x_${c}`)));
  if (isLowRank(name)) return [swapped(weight)];
  if (/\.att\.time_(decay|first)$/.test(name)) return [{ ...weight, transformed: true }];
  return [weight];
}

/**
 * web-rwkv's converter: time_maa → time_mix, time_faaaa → time_first, low-rank matrices and tuned states transposed.
 */
function fromWebRwkv(tensor: Tensor): Weight[] {
  const name = tensor.name.replace("time_mix", "time_maa").replace("time_first", "time_faaaa");
  const weight = whole(tensor, name);
  return [isLowRank(name) || isTunedState(name) ? swapped(weight) : weight];
}

/**
 * True for RWKV-6 and 7 as stored by web-rwkv. RWKV-6 is identified by its names; RWKV-7, whose names are the published
 * ones, by a low-rank matrix whose longer side is the second.
 */
function isWebRwkv(tensors: ReadonlyMap<string, Tensor>): boolean {
  if (tensors.has("blocks.0.att.time_mix_x")) return true;
  const w1 = tensors.get("blocks.0.att.w1");
  const width = tensors.get("emb.weight")?.shape[1];
  return w1?.shape.length === 2 && w1.shape[1] === width && w1.shape[0] !== width;
}

/**
 * True for RWKV-5.2 (and 5.1, which is stored the same way) as stored by web-rwkv: e^time_first was dropped before
 * decays had a value per channel, so this time_first is a renamed time_faaaa.
 */
function isWebRwkv5({ format, tensors }: Checkpoint): boolean {
  if (format !== "safetensors" || !tensors.has("blocks.0.att.ln_x.weight")) return false;
  return tensors.has("blocks.0.att.time_first") && (tensors.get("blocks.0.att.time_decay")?.shape[1] ?? 1) > 1;
}

function fromWebRwkv5(tensor: Tensor): Weight[] {
  const weight = whole(tensor, tensor.name.replace("time_first", "time_faaaa"));
  return [isTunedState(weight.name) ? swapped(weight) : weight];
}
