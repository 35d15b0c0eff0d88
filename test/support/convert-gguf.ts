import type { Sample } from "./make-checkpoints.ts";
import { f32, type GgufEntry, gguf, splitGguf, string, u32 } from "./make-gguf.ts";
import { asFloat32, float32, transposed, values } from "./tensor-values.ts";

export interface ConvertOptions {
  architecture: "rwkv6" | "rwkv7";
  headSize: number;
  /** RWKV-6's `rescale_every_n_layers`: the matrices in the model given are divided already. */
  rescale?: number;
  /** False: RWKV-6's mixing vectors one by one, as the first converters wrote them. */
  fused?: boolean;
  /** More metadata, such as a vocabulary. */
  metadata?: readonly GgufEntry[];
}

/** Published name to llama.cpp's, for all but the mixing vectors. */
const RENAMES: readonly (readonly [RegExp, string])[] = [
  [/^emb\./, "token_embd."],
  [/^head\./, "output."],
  [/^ln_out\./, "output_norm."],
  [/^blocks\.0\.ln0\./, "token_embd_norm."],
  [/^blocks\.(\d+)\.ln1\./, "blk.$1.attn_norm."],
  [/^blocks\.(\d+)\.ln2\./, "blk.$1.attn_norm_2."],
  [/^blocks\.(\d+)\.att\.ln_x\./, "blk.$1.time_mix_ln."],
  [/^blocks\.(\d+)\.att\.time_faaaa$/, "blk.$1.time_mix_first.weight"],
  [/^blocks\.(\d+)\.att\.time_maa_(w[12])$/, "blk.$1.time_mix_$2.weight"],
  [/^blocks\.(\d+)\.att\.time_maa_(\w)$/, "blk.$1.time_mix_lerp_$2.weight"],
  [/^blocks\.(\d+)\.att\.time_(decay\w*)$/, "blk.$1.time_mix_$2.weight"],
  [/^blocks\.(\d+)\.att\.(\w+)\.weight$/, "blk.$1.time_mix_$2.weight"],
  [/^blocks\.(\d+)\.att\.(\w+)$/, "blk.$1.time_mix_$2.weight"],
  [/^blocks\.(\d+)\.ffn\.(?:time_maa|x)_([kr])$/, "blk.$1.channel_mix_lerp_$2.weight"],
  [/^blocks\.(\d+)\.ffn\.(\w+)\.weight$/, "blk.$1.channel_mix_$2.weight"],
];

const LOW_RANK = /\.att\.(time_maa_w[12]|time_decay_w[12]|[wavg][12])$/;

/** Writes a model of published names as llama.cpp's converter does. Matrices keep their number format. */
export function toGguf(model: ReadonlyMap<string, Sample>, options: ConvertOptions): Uint8Array {
  return gguf(...ggufContent(model, options));
}

/** The same in several files. */
export function toSplitGguf(model: ReadonlyMap<string, Sample>, options: ConvertOptions, count: number): Uint8Array[] {
  return splitGguf(...ggufContent(model, options), count);
}

function ggufContent(model: ReadonlyMap<string, Sample>, options: ConvertOptions): [Sample[], GgufEntry[]] {
  const { architecture, headSize, rescale, fused = true, metadata = [] } = options;
  const samples = [...model.values()].flatMap((sample) => {
    const mixed = fused ? fuse(model, sample, architecture) : undefined;
    return mixed ?? convert(model, sample);
  });
  const entries: GgufEntry[] = [
    ["general.architecture", string(architecture)],
    [`${architecture}.wkv.head_size`, u32(headSize)],
    [`${architecture}.attention.layer_norm_epsilon`, f32(1e-5)],
    ...(rescale === undefined ? [] : [[`${architecture}.rescale_every_n_layers`, u32(rescale)] as const]),
    ...metadata,
  ];
  return [samples, entries];
}

function convert(model: ReadonlyMap<string, Sample>, sample: Sample): Sample[] {
  // Block 0 has no earlier v to mix in: llama.cpp wants something there, and gets copies of a0, a1 and a2.
  const copied = /^blocks\.0\.att\.v([012])$/.exec(sample.name);
  const source = copied ? { ...model.get(`blocks.0.att.a${copied[1]}`)!, name: sample.name } : sample;
  return [renamed(LOW_RANK.test(source.name) ? transposed(source) : squeezed(source))];
}

function renamed(sample: Sample): Sample {
  const [pattern, replacement] = RENAMES.find(([published]) => published.test(sample.name))!;
  return { ...sample, name: sample.name.replace(pattern, replacement) };
}

/** Without axes of size 1, the heads of RWKV-7's bonus in one row. Vectors are float32. */
function squeezed(sample: Sample): Sample {
  const isBonus = sample.name.endsWith(".r_k");
  const shape = isBonus ? [sample.shape.reduce((a, b) => a * b, 1)] : sample.shape.filter((size) => size > 1);
  return { ...(shape.length > 1 ? sample : asFloat32(sample)), shape };
}

/** All mixing vectors for the first, none for the others, undefined for what is none. */
function fuse(model: ReadonlyMap<string, Sample>, { name }: Sample, architecture: string): Sample[] | undefined {
  const [letters, prefix] = architecture === "rwkv6" ? ["wkvrg", "time_maa_"] : ["rwkvag", "x_"];
  const [, layer, letter] = new RegExp(`^blocks\\.(\\d+)\\.att\\.${prefix}([${letters}])$`).exec(name) ?? [];
  if (letter === undefined) return undefined;
  if (letter !== letters[0]) return [];
  const vectors = Array.from(letters, (each) => values(model.get(`blocks.${layer}.att.${prefix}${each}`)!));
  const width = vectors[0]!.length;
  return [
    float32(
      `blk.${layer}.time_mix_lerp_fused.weight`,
      [vectors.length, 1, 1, width],
      vectors.flatMap((vector) => [...vector]),
    ),
  ];
}
