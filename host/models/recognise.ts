import * as abi from "../../assembly/abi.ts";
import * as W from "../../assembly/slots.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { WkvError } from "../errors.ts";
import { type Lora, withLora } from "./lora.ts";
import { publishedNames, schemeOf, type Weights } from "./names.ts";
import { Collector, type Recipe, type Shape } from "./recipe.ts";
import { collect4 } from "./rwkv4.ts";
import { collect5 } from "./rwkv5.ts";
import { collect6 } from "./rwkv6.ts";
import { collect7, UNUSED7 } from "./rwkv7.ts";
import { collectTunedState } from "./tuned.ts";
import { count } from "./weights.ts";

/** Most layers that a name may speak of; the largest published model has 61. */
const MAX_LAYERS = 1024;

/** Tensors that give away a model of another kind, and what it is. */
const OTHERS: readonly [RegExp, string][] = [
  [/\.(ffn\.s_emb|ffn\.s_emb_x|ffn\.s[012])\b/, "RWKV-7a (DeepEmbed)"],
  [/\.(qkv|dea|att\.qkv)\b/, "RWKV-7b (DeepEmbed attention)"],
  [/\.att\.x_prev$/, "a saved session, to be given with --state or to createSession()"],
  [/\.lora_[ab]\b|\.lora\.[01]$/i, "a LoRA: give the model that it was trained on, and this file with --lora"],
  [/\.(bone|disha)$/, "an adapter of the kind Bone or DiSHA, which has to be merged into its model by its trainer"],
  [/\.(self_attn|attention\.(query|wq)|mlp\.)\b/, "a Transformer, or a hybrid of one and RWKV"],
  [/\.attn\.(x_proj|w_proj|bonus)\b/, "RWKV-6 as flash-linear-attention stores it: take the published .pth"],
  [/^(model\.layers|transformer\.h|gpt_neox)\b/, "a model of Hugging Face's library that is no RWKV"],
];

/**
 * Recognises the version by tensor names, ranks and shapes, and lists what has to be loaded.
 * @param file the model's name, for messages
 * @param loras what to merge into it, one after the other
 * @throws WkvError `unsupported-model` naming the tensor that gave another kind of model away;
 *   `bad-file` when a tensor is missing or shapes contradict one another
 */
export function recogniseModel(checkpoint: Checkpoint, file: string, loras: readonly Lora[] = []): Recipe {
  const published = publishedNames(checkpoint, file);
  const weights = loras.reduce((changed, lora) => withLora(changed, lora, file), published);
  refuseOthers(weights, file);
  const shape = readShape(weights, file);
  const used = new Set<string>();
  const globals = collectGlobals(new Collector(file, weights, used, ""), shape);
  const layers = Array.from({ length: shape.layers }, (_, i) =>
    collectLayer(new Collector(file, weights, used, `blocks.${i}.`), shape, i),
  );
  const tunedState = collectTunedState(weights, shape, file);
  for (const { name } of tunedState ?? []) used.add(name);
  refuseLeftovers(weights, used, shape, file);
  const recipe = { shape, globals, layers, groupNormEps: groupNormEps(schemeOf(checkpoint, file).name, shape) };
  return tunedState ? { ...recipe, tunedState } : recipe;
}

/** 1e-5 of the values divided by 8; rwkv.cpp does not divide RWKV-5's, flash-linear-attention divides by the head size's root. */
function groupNormEps(scheme: string, { arch, headSize }: Shape): number {
  if (scheme === "rwkv.cpp" && arch === abi.RWKV5) return 1e-5;
  return scheme === "flash-linear-attention" ? headSize * 1e-5 : 64e-5;
}

function collectGlobals(c: Collector, { vocabSize, width }: Shape) {
  c.table(W.EMB, "emb.weight", vocabSize, width);
  if (c.has("blocks.0.ln0.weight")) {
    c.vector(W.LN0_WEIGHT, "blocks.0.ln0.weight", width);
    c.vector(W.LN0_BIAS, "blocks.0.ln0.bias", width);
  }
  c.vector(W.LN_OUT_WEIGHT, "ln_out.weight", width);
  c.vector(W.LN_OUT_BIAS, "ln_out.bias", width);
  c.matrix(W.HEAD, "head.weight", vocabSize, width);
  return c.entries;
}

function collectLayer(c: Collector, shape: Shape, layer: number) {
  c.vector(W.LN1_WEIGHT, "ln1.weight", shape.width);
  c.vector(W.LN1_BIAS, "ln1.bias", shape.width);
  c.vector(W.LN2_WEIGHT, "ln2.weight", shape.width);
  c.vector(W.LN2_BIAS, "ln2.bias", shape.width);
  if (shape.arch === abi.RWKV4) collect4(c, shape);
  else if (shape.arch === abi.RWKV5) collect5(c, shape);
  else if (shape.arch === abi.RWKV6) collect6(c, shape);
  else collect7(c, shape, layer);
  return c.entries;
}

function readShape(weights: Weights, file: string): Shape {
  const first = new Collector(file, weights, new Set(), "blocks.0.");
  const version = readVersion(first, file);
  const arch = Math.floor(Number(version));
  const [vocabSize = 0, width = 0] = new Collector(file, weights, new Set(), "").weight("emb.weight").shape;
  const headSize = readHeadSize(first, version, width);
  const shape: Shape = {
    arch,
    version,
    layers: countLayers(weights),
    width,
    headSize,
    vocabSize,
    ffn: first.dimension("ffn.key.weight", 0),
    ranks: widestRanks(weights, arch),
    layerState: arch === abi.RWKV4 ? 5 * width : 2 * width + width * headSize,
  };
  checkShape(shape, file);
  return shape;
}

function readVersion(block: Collector, file: string): string {
  if (block.has("att.r_k")) return "7";
  if (block.has("att.time_maa_x")) return "6";
  if (block.has("att.ln_x.weight")) {
    if (!block.has("att.gate.weight")) return "5.0";
    return (block.weight("att.time_decay").shape[1] ?? 1) > 1 ? "5.2" : "5.1";
  }
  if (block.has("att.time_mix_k")) return "4";
  throw new WkvError(
    "unsupported-model",
    `${file} is not an RWKV model that wkv knows: it has none of blocks.0.att.r_k (RWKV-7), att.time_maa_x (6), ` +
      "att.ln_x.weight (5) and att.time_mix_k (4). Give a model of RWKV-4, 5, 6 or 7.",
  );
}

function readHeadSize(block: Collector, version: string, width: number): number {
  if (version === "4") return abi.UNIT_ROWS;
  if (version === "7") return block.dimension("att.r_k", 1);
  if (version === "6") return block.dimension("att.time_faaaa", 1);
  return width / block.dimension("att.time_decay", 0);
}

function countLayers(weights: Weights): number {
  let last = 0;
  for (const name of weights.keys()) last = Math.max(last, Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0));
  return last + 1;
}

/** Widest of each low-rank product over all layers: what the buffers must hold. */
function widestRanks(weights: Weights, arch: number): [number, number, number, number] {
  const names: (string | undefined)[] =
    arch === abi.RWKV7 ? ["w1", "a1", "v1", "g1"] : arch === abi.RWKV6 ? ["time_decay_w1", "time_maa_w1"] : [];
  const widest = (name: string | undefined) => {
    let rank = 0;
    if (name)
      for (const w of weights.values()) if (w.name.endsWith(`.att.${name}`)) rank = Math.max(rank, w.shape[1] ?? 0);
    return rank;
  };
  return [widest(names[0]), widest(names[1]), widest(names[2]), widest(names[3])];
}

function checkShape({ layers, width, headSize, vocabSize, ffn }: Shape, file: string): void {
  const wrong = (what: string) => {
    throw new WkvError("unsupported-model", `${file}: ${what}`);
  };
  if (layers > MAX_LAYERS) wrong(`names of ${layers} layers; at most ${MAX_LAYERS} are read.`);
  if (!(vocabSize > 0 && width > 0 && ffn > 0)) wrong(`emb.weight and ffn.key.weight have no values.`);
  if (width % abi.UNIT_ROWS) wrong(`width ${width} (emb.weight) is not a multiple of ${abi.UNIT_ROWS}.`);
  if (!Number.isInteger(headSize) || headSize % 8 || headSize <= 0 || width % headSize)
    wrong(`head size ${headSize} is not a multiple of 8 that divides the width ${width}.`);
}

function refuseOthers(weights: Weights, file: string): void {
  for (const [pattern, what] of OTHERS) {
    for (const name of weights.keys()) {
      if (pattern.test(name))
        throw new WkvError(
          "unsupported-model",
          `${file} has a tensor ${name}: it is ${what}. wkv runs RWKV-4, 5, 6 and 7.`,
        );
    }
  }
}

/** A tensor that the formula does not use would silently give wrong logits. */
function refuseLeftovers(weights: Weights, used: Set<string>, { arch, version }: Shape, file: string): void {
  for (const weight of weights.values()) {
    if (used.has(weight.name) || (arch === abi.RWKV7 && UNUSED7.test(weight.name))) continue;
    throw new WkvError(
      "unsupported-model",
      `${file} looks like RWKV-${version}, but has a tensor ${weight.name} [${weight.shape}] of ` +
        `${count(weight.shape)} values that RWKV-${version} has not: it is a newer or altered architecture, which wkv does not run.`,
    );
  }
}
