import { rwkvCpp, type Sample } from "./make-checkpoints.ts";
import { asFloat32, float32, transposed, values } from "./tensor-values.ts";

const LOW_RANK = /\.att\.(time_maa_w[12]|time_decay_w[12]|[wavg][12])$/;
const MIXTURES = ["x_r", "x_w", "x_k", "x_v", "x_a", "x_g"];

/** Writes a model of published names as rwkv.cpp's converter does. Matrices keep their number format where it has it. */
export function toRwkvCpp(model: ReadonlyMap<string, Sample>, version = 101): Uint8Array {
  const [vocabSize, width] = model.get("emb.weight")!.shape as [number, number];
  const layers = new Set([...model.keys()].map((name) => /^blocks\.(\d+)/.exec(name)?.[1] ?? "0")).size;
  const decay = model.has("blocks.0.att.ln_x.weight") ? expNegExp : negExp;
  const isRwkv5or4 = [...model.keys()].some((name) => name.endsWith("att.time_mix_k"));
  const convert = (sample: Sample): Sample[] => {
    const { name } = sample;
    if (isRwkv5or4 && name.endsWith(".time_decay")) return [mapped(sample, decay)];
    if (decay === expNegExp && isRwkv5or4 && name.endsWith(".time_first")) return [mapped(sample, Math.exp)];
    if (LOW_RANK.test(name)) return [storable(transposed(sample))];
    if (name.endsWith(".att.x_r")) return [mixtures(model, name)];
    if (/\.att\.x_[wkvag]$/.test(name)) return [];
    return [storable(sample)];
  };
  return rwkvCpp([...model.values()].flatMap(convert), version, [vocabSize, width, layers]);
}

/** ggml has no bfloat16 here, and keeps vectors as float32. */
function storable(sample: Sample): Sample {
  const isMatrix = sample.shape.filter((size) => size > 1).length > 1;
  return isMatrix && sample.dtype !== "BF16" ? sample : asFloat32(sample);
}

function mapped(sample: Sample, f: (x: number) => number): Sample {
  return float32(sample.name, sample.shape, Float64Array.from(values(sample), f));
}

function negExp(x: number): number {
  return -Math.exp(x);
}

function expNegExp(x: number): number {
  return Math.exp(-Math.exp(x));
}

/** RWKV-7's six mixing vectors as one tensor. */
function mixtures(model: ReadonlyMap<string, Sample>, first: string): Sample {
  const vectors = MIXTURES.map((x) => values(model.get(first.replace("x_r", x))!));
  const width = vectors[0]!.length;
  return float32(
    first.replace("x_r", "x_rwkvag"),
    [6, 1, width],
    vectors.flatMap((vector) => [...vector]),
  );
}
