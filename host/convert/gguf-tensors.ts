// A model's tensors under llama.cpp's names and in its shapes.
import { byteLength, type Dtype } from "../checkpoint/dtypes.ts";
import { valueCount } from "../checkpoint/stored.ts";
import { type WeightFormat, weightFormat } from "../checkpoint/weight-formats.ts";
import { matrixFormat } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import { type GgufScheme, ggufNames, SCHEMES } from "../models/gguf-names.ts";
import type { Recipe } from "../models/recipe.ts";
import { isLowRank } from "../models/weights.ts";
import { type PublishedTensor, publishedTensors } from "./published-values.ts";

/** A tensor to write. */
export interface GgufTensor {
  readonly name: string;
  readonly dtype: Dtype;
  /** Outermost first. */
  readonly shape: readonly number[];
  readonly bytes: number;
  /** What is written one after the other. */
  readonly parts: readonly PublishedTensor[];
  /** Whether the last two axes are swapped. */
  readonly swapped: boolean;
}

/** @throws WkvError `unsupported-model` when a tensor has no place in a GGUF */
export function ggufTensors(recipe: Recipe, weights: WeightFormat | "f16", file: string): GgufTensor[] {
  const scheme = SCHEMES.get(recipe.shape.version.name) as GgufScheme;
  const published = new Map(publishedTensors(recipe, file).map((tensor) => [tensor.name, tensor]));
  const names = ggufNames(scheme);
  const tensors = [...published.values()].flatMap((tensor) => {
    const [, prefix = "", name = ""] = /^(blocks\.\d+\.)?(.*)$/.exec(tensor.name) ?? [];
    const fused = scheme.fused.indexOf(name);
    if (fused > 0) return [];
    if (fused === 0)
      return [
        fusedTensor(
          scheme.fused.map((each) => part(published, prefix + each, file)),
          prefix,
        ),
      ];
    return [ggufTensor(tensor, ggufName(tensor.name, prefix, name, names, file), weights)];
  });
  return recipe.shape.version.name === "rwkv7" ? [...tensors, ...firstValues(published, weights, file)] : tensors;
}

function ggufName(
  full: string,
  prefix: string,
  name: string,
  names: ReadonlyMap<string, string>,
  file: string,
): string {
  const [known, at] = names.has(full) ? [names.get(full), ""] : [names.get(name), prefix.replace("blocks", "blk")];
  if (known) return at + known;
  throw new WkvError("unsupported-model", `${file} has a tensor ${full}, for which GGUF has no name.`);
}

function part(published: ReadonlyMap<string, PublishedTensor>, name: string, file: string): PublishedTensor {
  const tensor = published.get(name);
  if (tensor) return tensor;
  throw new WkvError("unsupported-model", `${file} has no tensor ${name}, which GGUF wants.`);
}

function fusedTensor(parts: readonly PublishedTensor[], prefix: string): GgufTensor {
  const width = valueCount(parts[0]?.shape ?? []);
  const shape = [parts.length, 1, 1, width];
  const name = `${prefix.replace("blocks", "blk")}time_mix_lerp_fused.weight`;
  return { name, dtype: "F32", shape, bytes: byteLength("F32", valueCount(shape)), parts, swapped: false };
}

/** Layer 0 has no earlier v to mix in; llama.cpp wants something there, and its converter copies a. */
function firstValues(published: ReadonlyMap<string, PublishedTensor>, weights: WeightFormat | "f16", file: string) {
  return ["0", "1", "2"].map((digit) =>
    ggufTensor(part(published, `blocks.0.att.a${digit}`, file), `blk.0.time_mix_v${digit}.weight`, weights),
  );
}

function ggufTensor(tensor: PublishedTensor, name: string, weights: WeightFormat | "f16"): GgufTensor {
  const swapped = isLowRank(tensor.name) && tensor.entry.kind !== "vector";
  const shape = swapped ? swap(tensor.shape) : squeezed(tensor);
  const dtype = dtypeOf(tensor, weights);
  return { name, dtype, shape, bytes: byteLength(dtype, valueCount(shape)), parts: [tensor], swapped };
}

function swap(shape: readonly number[]): number[] {
  return [...shape.slice(0, -2), shape.at(-1) ?? 1, shape.at(-2) ?? 1];
}

/** Vectors have one axis, but for the bonus of RWKV-6, which has heads. */
function squeezed({ name, shape, entry }: PublishedTensor): readonly number[] {
  return entry.kind !== "vector" || name.endsWith(".time_faaaa") ? shape : [valueCount(shape)];
}

/**
 * Matrices get the format that was asked for, or what the engine makes of them under it; the embedding stays in a
 * quantised format that it has. llama.cpp quantises low-rank matrices in no format.
 */
function dtypeOf({ name, entry }: PublishedTensor, weights: WeightFormat | "f16"): Dtype {
  if (entry.kind === "vector" || weights === "f32") return "F32";
  const stored = entry.weight.tensor.dtype;
  if (isLowRank(name)) return stored === "F16" || stored === "BF16" ? "F16" : "F32";
  if (weights === "f16" || entry.cols % 32 !== 0) return "F16";
  if (entry.kind === "table") return stored.startsWith("Q") ? stored : "Q8_0";
  return weightFormat(matrixFormat(entry, weights)).dtype;
}
