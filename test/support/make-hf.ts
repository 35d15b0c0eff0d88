/** Models as Hugging Face's repositories have them: names, index, folder. Tensors are given under the published names. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownStorages, pth, type Sample, safetensors } from "./make-checkpoints.ts";
import { asDtype, transposed } from "./tensor-values.ts";

/** What web-rwkv's converter transposes. */
const TURNED = /\.att\.(time_maa_w[12]|time_decay_w[12]|[wavg][12]|time_state)$|\.lora_A$/;

/** RWKV-4, 5 and 6 as transformers and the model code beside published files call them. */
export function toTransformers(model: readonly Sample[]): Sample[] {
  const long: Record<string, string> = { k: "key", v: "value", r: "receptance", g: "gate" };
  const rename = (name: string) =>
    name
      .replace(/^emb\./, "embeddings.")
      .replace("blocks.0.ln0.", "blocks.0.pre_ln.")
      .replace(/^(blocks\.\d+)\.att\./, "$1.attention.")
      .replace(/^(blocks\.\d+)\.ffn\./, "$1.feed_forward.")
      .replace(/\.time_mix_([kvrg])$/, (_, letter: string) => `.time_mix_${long[letter]}`);
  return model.map((sample) => {
    const name = rename(sample.name);
    return { ...sample, name: name.startsWith("head.") ? name : `rwkv.${name}` };
  });
}

/** `Rwkv7ForCausalLM`: the published names behind a prefix. */
export function toRwkv7ForCausalLM(model: readonly Sample[]): Sample[] {
  return model.map((sample) =>
    sample.name.startsWith("head.") ? sample : { ...sample, name: `rwkv7.${sample.name}` },
  );
}

/** A later `Rwkv7ForCausalLM`: low-rank matrices are linear layers. */
export function toLinearRwkv7(model: readonly Sample[]): Sample[] {
  return model.map((sample) => {
    const name = sample.name.replace(/^emb\./, "embeddings.");
    if (name.startsWith("head.")) return sample;
    if (!/\.att\.[wavg][12]$/.test(name)) return { ...sample, name: `model.${name}` };
    return { ...transposed(sample), name: `model.${name}.weight` };
  });
}

/** RWKV-7 of flash-linear-attention: low-rank products as linear layers, vectors without axes of size 1. */
export function toFla(model: readonly Sample[]): Sample[] {
  const outside: Record<string, string> = { emb: "model.embeddings", ln_out: "model.norm", head: "lm_head" };
  const parts: Record<string, string> = { ln0: "pre_norm", ln1: "attn_norm", ln2: "ffn_norm", att: "attn", ffn: "ffn" };
  const projections: Record<string, string> = {
    receptance: "r_proj",
    key: "k_proj",
    value: "v_proj",
    output: "o_proj",
    ln_x: "g_norm",
  };
  const places: Record<string, string> = { "0": "2.bias", "1": "0.weight", "2": "2.weight" };
  return model.flatMap((sample) => {
    if (/^blocks\.0\.att\.v[012]$/.test(sample.name)) return [];
    const [top = "", layer, part = "", name = "", ...rest] = sample.name.split(".");
    if (top !== "blocks") return [{ ...sample, name: sample.name.replace(top, outside[top]!) }];
    const block = `model.layers.${layer}.${parts[part]}`;
    const lowRank = part === "att" && /^([wavg])([012])$/.exec(name);
    if (lowRank) {
      const named = { ...sample, name: `${block}.${lowRank[1]}_lora.lora.${places[lowRank[2]!]}` };
      return [lowRank[2] === "0" ? flat(named) : transposed(named)];
    }
    const own = part === "att" ? (projections[name] ?? name) : name;
    const isMixing = /^x_[rwkvag]$/.test(name) && part === "att";
    const named = { ...sample, name: [block, own, ...rest].join(".") };
    return [isMixing || sample.shape.length < 3 ? named : flat(named)];
  });
}

function flat(sample: Sample): Sample {
  return { ...sample, shape: [sample.shape.reduce((a, b) => a * b, 1)] };
}

/** web-rwkv's converter: f16, other names, some axes swapped. */
export function toWebRwkv(model: readonly Sample[]): Sample[] {
  return model.map((sample) => {
    const half = asDtype(sample, "F16");
    const turned = TURNED.test(sample.name) ? transposed(half) : half;
    const name = sample.name.replace("time_faaaa", "time_first").replace("time_maa", "time_mix");
    return {
      ...turned,
      name: name
        .replace(/lora_A$/, "lora.0")
        .replace(/lora_B$/, "lora.1")
        .toLowerCase(),
    };
  });
}

export type ShardFormat = "safetensors" | "bin";

/** A folder with the model in `count` files and their index. Returns its path. */
export function writeSharded(folder: string, model: readonly Sample[], format: ShardFormat, count = 3): string {
  const base = format === "safetensors" ? "model" : "pytorch_model";
  const map: Record<string, string> = {};
  const shards = Array.from({ length: count }, (_, i) => {
    const file = `${base}-${pad(i + 1)}-of-${pad(count)}.${format}`;
    const samples = model.filter((_, at) => Math.floor((at * count) / model.length) === i);
    for (const { name } of samples) map[name] = file;
    return [file, container(samples, format)] as const;
  });
  const index = { metadata: { total_size: 1 }, weight_map: map };
  return writeFolder(folder, [...shards, [`${base}.${format}.index.json`, JSON.stringify(index)]]);
}

export function container(samples: readonly Sample[], format: ShardFormat): Uint8Array {
  return format === "safetensors" ? safetensors(samples) : pth(ownStorages(samples));
}

export function writeFolder(folder: string, files: readonly (readonly [string, Uint8Array | string])[]): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
  return folder;
}

function pad(number: number): string {
  return String(number).padStart(5, "0");
}
