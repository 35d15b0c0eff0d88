import * as abi from "../../assembly/abi.ts";
import * as W from "../../assembly/slots.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { ModelConfig } from "../checkpoint/config.ts";
import { WkvError } from "../errors.ts";
import { Collector } from "./collector.ts";
import { type Lora, withLora } from "./lora.ts";
import { publishedNames } from "./names.ts";
import type { Recipe } from "./recipe.ts";
import { collectTunedState } from "./tuned.ts";
import type { Shape, Version } from "./version.ts";
import { VERSIONS } from "./versions.ts";
import { count, type Weights } from "./weights.ts";

/** Limit for layers in tensor names; the largest published model has 61. */
const MAX_LAYERS = 1024;

/** Tensors that identify models of other kinds, and their descriptions. */
const OTHERS: readonly [RegExp, string][] = [
  [/\.(ffn\.enn|rosa|rosa_qkv)\b/, "an experiment for RWKV-8, whose architecture is not fixed"],
  [/\.(qkv|dea|att\.qkv)\b/, "RWKV-7b (DeepEmbed attention)"],
  [/\.(ffn\.s_emb|ffn\.s_emb_x|ffn\.s[012])\b/, "RWKV-7a (DeepEmbed)"],
  [/(^|\.)moba\b/, "RWKV-X, RWKV with attention layers"],
  [/\.att\.x_prev$/, "a saved session: load it with --state or createSession()"],
  [/\.lora_[ab]\b|\.lora\.[01]$/i, "a LoRA: give the model that it was trained on, and this file with --lora"],
  [/\.(bone|disha)$/, "a Bone or DiSHA adapter: merge it into its model with its trainer"],
  [/\.self_attn\.(w0|a0|k_k|r_k)\b/, "QRWKV7, Qwen with layers like those of RWKV-7"],
  [/\.(self_attn|attention\.(query|wq)|mlp\.)\b/, "a Transformer, or a hybrid of one and RWKV"],
  [/\.attn\.(x_proj|w_proj|bonus)\b/, "RWKV-6 as flash-linear-attention stores it: take the published .pth"],
  [/^(model\.layers|transformer\.h|gpt_neox)\b/, "a Hugging Face model other than RWKV"],
];

/**
 * Recognises the version by tensor names, ranks and shapes, and lists everything to load.
 * @param file model name for messages
 * @param loras LoRAs to merge into it, in order
 * @throws WkvError `unsupported-model`, naming the tensor that identifies another kind of model;
 *   `bad-file` if a tensor is missing or shapes contradict each other
 */
export function recogniseModel(checkpoint: Checkpoint, file: string, loras: readonly Lora[] = []): Recipe {
  const { weights: published, scheme } = publishedNames(checkpoint, file);
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
  const recipe = { shape, scheme, globals, layers, groupNormEps: groupNormEps(scheme, shape, checkpoint.config) };
  return tunedState ? { ...recipe, tunedState } : recipe;
}

/** 1e-5 for values divided by 8; Hugging Face's RWKV-7 divides by the square root of the head size, or has it in its configuration. */
function groupNormEps(scheme: string, { version, headSize }: Shape, config: ModelConfig = {}): number {
  const { group_norm_epsilon: given } = config;
  if (scheme === "transformers" && typeof given === "number" && given > 0) return given;
  const isNormEps = scheme === "flash-linear-attention" || (scheme === "transformers" && version.id === abi.RWKV7);
  const common = isNormEps ? headSize * 1e-5 : 64e-5;
  return version.groupNormEps?.(scheme) ?? common;
}

function collectGlobals(c: Collector, { vocabSize, width }: Shape) {
  c.table(W.EMB, "emb.weight", vocabSize, width);
  if (c.has("blocks.0.ln0.weight")) {
    c.vector(W.LN0_WEIGHT, "blocks.0.ln0.weight", width);
    c.vector(W.LN0_BIAS, "blocks.0.ln0.bias", width);
  }
  c.vector(W.LN_OUT_WEIGHT, "ln_out.weight", width);
  c.vector(W.LN_OUT_BIAS, "ln_out.bias", width);
  c.matrix(W.HEAD, "head.weight", vocabSize, width, true);
  return c.entries;
}

function collectLayer(c: Collector, shape: Shape, layer: number) {
  c.vector(W.LN1_WEIGHT, "ln1.weight", shape.width);
  c.vector(W.LN1_BIAS, "ln1.bias", shape.width);
  c.vector(W.LN2_WEIGHT, "ln2.weight", shape.width);
  c.vector(W.LN2_BIAS, "ln2.bias", shape.width);
  shape.version.collect(c, shape, layer);
  return c.entries;
}

function readShape(weights: Weights, file: string): Shape {
  const first = new Collector(file, weights, new Set(), "blocks.0.");
  const { version, release } = readVersion(first, file);
  const [vocabSize = 0, width = 0] = new Collector(file, weights, new Set(), "").weight("emb.weight").shape;
  const headSize = version.headSize(first, width);
  const shift = (name: string) => ({ name, shape: [width] });
  const stateParts = [shift("ffn.x_prev"), shift("att.x_prev"), ...version.stateParts({ width, headSize })];
  const shape: Shape = {
    version,
    release,
    layers: countLayers(weights),
    width,
    headSize,
    vocabSize,
    ffn: first.dimension("ffn.key.weight", 0),
    ranks: version.ranks.map(({ tensor }) => widestRank(weights, tensor)),
    stateParts,
    layerState: stateParts.reduce((sum, part) => sum + count(part.shape), 0),
  };
  checkShape(shape, file);
  return shape;
}

function readVersion(block: Collector, file: string): { version: Version; release: string } {
  for (const version of VERSIONS) {
    const release = version.recognise(block);
    if (release !== undefined) return { version, release };
  }
  const markers = VERSIONS.map(({ marker, id }) => `blocks.0.${marker} (RWKV-${id})`);
  throw new WkvError(
    "unsupported-model",
    `${file} is not an RWKV model: it has none of ${markers.join(", ")}. Give a model of RWKV-4, 5, 6 or 7.`,
  );
}

function countLayers(weights: Weights): number {
  let last = 0;
  for (const name of weights.keys()) last = Math.max(last, Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0));
  return last + 1;
}

/** Maximum over all layers: what the buffer must hold. */
function widestRank(weights: Weights, tensor: string): number {
  const all = [...weights.values()].filter(({ name }) => name.endsWith(`.att.${tensor}`));
  return all.reduce((widest, { shape }) => Math.max(widest, shape[1] ?? 0), 0);
}

function checkShape({ layers, width, headSize, vocabSize, ffn }: Shape, file: string): void {
  const wrong = (what: string) => {
    throw new WkvError("unsupported-model", `${file}: ${what}`);
  };
  if (layers > MAX_LAYERS) wrong(`tensor names imply ${layers} layers; the limit is ${MAX_LAYERS}.`);
  if (!(vocabSize > 0 && width > 0 && ffn > 0)) wrong(`emb.weight or ffn.key.weight is empty.`);
  if (width % abi.UNIT_ROWS) wrong(`width ${width} (emb.weight) is not a multiple of ${abi.UNIT_ROWS}.`);
  if (!Number.isInteger(headSize) || headSize % 8 || headSize <= 0 || width % headSize)
    wrong(`head size ${headSize} must be a multiple of 8 that divides the width ${width}.`);
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

/** Ignoring a tensor that the formula does not use would silently give wrong logits. */
function refuseLeftovers(weights: Weights, used: Set<string>, { version, release }: Shape, file: string): void {
  for (const weight of weights.values()) {
    if (used.has(weight.name) || version.unused?.test(weight.name)) continue;
    throw new WkvError(
      "unsupported-model",
      `${file} looks like RWKV-${release}, but has a tensor ${weight.name} [${weight.shape}] of ` +
        `${count(weight.shape)} values that RWKV-${release} does not have: it is a newer or modified architecture, which wkv does not run.`,
    );
  }
}
