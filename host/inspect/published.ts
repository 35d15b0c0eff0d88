// Shapes of published models, as far as they determine memory: `wkv inspect --memory` computes with them, without
// files.
import type { Checkpoint, Tensor } from "../checkpoint/checkpoint.ts";

export interface PublishedShape {
  readonly name: string;
  readonly version: 4 | 5 | 6 | 7;
  readonly layers: number;
  readonly width: number;
  readonly vocabSize: number;
  /** Hidden values of the channel mixing. */
  readonly ffn: number;
  /** RWKV-7: ranks of w, a, v and g; RWKV-6: of the decay and of one mixture. */
  readonly ranks: readonly number[];
}

const WORLD = 65536;
const PILE = 50277;
const HEAD = 64;

function shape(
  version: 4 | 5 | 6 | 7,
  size: string,
  layers: number,
  width: number,
  ranks: number[] = [],
): PublishedShape {
  const ffn = version === 5 || version === 6 ? (width * 7) / 2 : width * 4;
  return {
    name: `RWKV-${version} ${size}`,
    version,
    layers,
    width,
    vocabSize: version === 4 ? PILE : WORLD,
    ffn,
    ranks,
  };
}

export const PUBLISHED: readonly PublishedShape[] = [
  shape(7, "0.1B", 12, 768, [64, 64, 32, 128]),
  shape(7, "0.4B", 24, 1024, [64, 64, 32, 128]),
  shape(7, "1.5B", 24, 2048, [96, 96, 64, 256]),
  shape(7, "2.9B", 32, 2560, [96, 96, 64, 320]),
  shape(7, "7.2B", 32, 4096, [128, 128, 96, 480]),
  shape(6, "1.6B", 24, 2048, [64, 32]),
  shape(6, "3B", 32, 2560, [64, 32]),
  shape(6, "7B", 32, 4096, [128, 64]),
  shape(5, "0.4B", 24, 1024),
  shape(5, "1.5B", 24, 2048),
  shape(5, "3B", 32, 2560),
  shape(5, "7B", 32, 4096),
  shape(4, "169M", 12, 768),
  shape(4, "430M", 24, 1024),
  shape(4, "1.5B", 24, 2048),
  shape(4, "3B", 32, 2560),
  shape(4, "7B", 32, 4096),
];

/** A model of this shape as a published f16 file would list it, without values. */
export function withoutValues(shape: PublishedShape): Checkpoint {
  const { layers, width, vocabSize } = shape;
  const tensors = new Map<string, Tensor>();
  const add = (name: string, ...dims: number[]) =>
    tensors.set(name, { name, dtype: "F16", shape: dims, read: () => Promise.reject(new Error("no values")) });
  add("emb.weight", vocabSize, width);
  add("head.weight", vocabSize, width);
  for (const name of ["blocks.0.ln0", "ln_out"]) for (const part of ["weight", "bias"]) add(`${name}.${part}`, width);
  for (let i = 0; i < layers; i++)
    for (const [name, dims] of Object.entries(blockTensors(shape))) add(`blocks.${i}.${name}`, ...dims);
  return { format: "pth", tensors };
}

function blockTensors(shape: PublishedShape): Record<string, number[]> {
  const { version, width, ffn } = shape;
  const norms = ["ln1", "ln2", ...(version > 4 ? ["att.ln_x"] : [])].flatMap((name) => [
    `${name}.weight`,
    `${name}.bias`,
  ]);
  const square = ["receptance", "key", "value", "output", ...(version === 5 || version === 6 ? ["gate"] : [])];
  return {
    ...vectors(norms, width),
    ...Object.fromEntries(square.map((name) => [`att.${name}.weight`, [width, width]])),
    "ffn.key.weight": [ffn, width],
    "ffn.value.weight": [width, ffn],
    ...(version < 7 ? { "ffn.receptance.weight": [width, width] } : {}),
    ...OTHERS[version](shape),
  };
}

function vectors(names: readonly string[], width: number): Record<string, number[]> {
  return Object.fromEntries(names.map((name) => [name, [width]]));
}

/** Tensors specific to a version. */
const OTHERS: Record<PublishedShape["version"], (shape: PublishedShape) => Record<string, number[]>> = {
  4: ({ width }) => vectors(["att.time_decay", "att.time_first", ...mixes("time_mix", "kvr", "kr")], width),
  5: ({ width }) => ({
    ...vectors(mixes("time_mix", "kvrg", "kr"), width),
    "att.time_decay": [width / HEAD, HEAD],
    "att.time_faaaa": [width / HEAD, HEAD],
  }),
  6: ({ width, ranks: [decay = 0, mix = 0] }) => ({
    ...vectors([...mixes("time_maa", "xwkvrg", "kr"), "att.time_decay"], width),
    "att.time_maa_w1": [width, 5 * mix],
    "att.time_maa_w2": [5, mix, width],
    "att.time_decay_w1": [width, decay],
    "att.time_decay_w2": [decay, width],
    "att.time_faaaa": [width / HEAD, HEAD],
  }),
  7: ({ width, ranks }) => ({
    ...vectors([...mixes("x", "rwkvag", "k"), "att.w0", "att.a0", "att.v0", "att.k_k", "att.k_a"], width),
    ...Object.fromEntries(
      Array.from("wavg").flatMap((letter, i) => [
        [`att.${letter}1`, [width, ranks[i] ?? 0]],
        [`att.${letter}2`, [ranks[i] ?? 0, width]],
      ]),
    ),
    "att.r_k": [width / HEAD, HEAD],
  }),
};

/** Names of the mixing vectors of both halves. */
function mixes(name: string, att: string, ffn: string): string[] {
  return [...Array.from(att, (c) => `att.${name}_${c}`), ...Array.from(ffn, (c) => `ffn.${name}_${c}`)];
}
