import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { byteLength, type Dtype } from "../../../host/checkpoint/dtypes.ts";
import type { Sample } from "../../support/make-checkpoints.ts";
import { architecture, f32, type GgufEntry, gguf, i32, list, string, u32 } from "../../support/make-gguf.ts";
import { random } from "../../support/random.ts";

/** RWKV-7 with 0.1 billion parameters, as published. */
const LAYERS = 12;
const WIDTH = 768;
const FFN = 4 * WIDTH;
const VOCAB = 65536;
const HEAD_SIZE = 64;
const RANKS = { w: 64, a: 64, v: 32, g: 128 };
/** Ids from 1 on that stand for text in the World vocabulary. */
const WORDS = 65529;

/** Token types of llama.cpp. */
const NORMAL = 1;
const CONTROL = 3;
const UNUSED = 5;

/** What matrices are stored in. */
export type Quantised = "Q8_0" | "Q4_0";

/** Name, type, shape, and the interval that the values are drawn from. */
type Draw = readonly [name: string, dtype: "F32" | "F16" | Quantised, shape: number[], low: number, high: number];

/** Writes the model unless it is there. */
export function ensureModel(path: string, quantised: Quantised): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, benchModel(quantised));
  renameSync(`${path}.part`, path);
}

/** A GGUF with seeded random weights, which other engines load too: it says nothing, at a real model's speed. */
function benchModel(quantised: Quantised): Uint8Array {
  const next = random(7);
  return gguf(
    draws(quantised).map((draw) => sample(draw, next)),
    metadata(),
  );
}

function metadata(): GgufEntry[] {
  const numbers: Record<string, number> = {
    context_length: 1 << 20,
    embedding_length: WIDTH,
    block_count: LAYERS,
    feed_forward_length: FFN,
    "attention.head_count": 0,
    "wkv.head_size": HEAD_SIZE,
    "attention.decay_lora_rank": RANKS.w,
    "attention.iclr_lora_rank": RANKS.a,
    "attention.value_residual_mix_lora_rank": RANKS.v,
    "attention.gate_lora_rank": RANKS.g,
    token_shift_count: 2,
  };
  return [
    architecture("rwkv7"),
    ["general.name", string("random weights")],
    ...Object.entries(numbers).map(([key, value]): GgufEntry => [`rwkv7.${key}`, u32(value)]),
    ["rwkv7.attention.layer_norm_epsilon", f32(1e-5)],
    ...vocabulary(),
  ];
}

/** Tokens as llama.cpp's converter writes the World vocabulary: the end of text, all bytes, words, unused ids. */
function vocabulary(): GgufEntry[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => escaped(byte));
  const tokens = ["<s>", ...bytes, ...words(WORDS - bytes.length)];
  const unused = Array.from({ length: VOCAB - tokens.length }, (_, i) => `[PAD${tokens.length + i}]`);
  const types = [CONTROL, ...tokens.slice(1).map(() => NORMAL), ...unused.map(() => UNUSED)];
  return [
    ["tokenizer.ggml.model", string("rwkv")],
    ["tokenizer.ggml.tokens", list([...tokens, ...unused].map((token) => string(token)))],
    ["tokenizer.ggml.token_type", list(types.map(i32))],
    ["tokenizer.ggml.bos_token_id", u32(0)],
    ["tokenizer.ggml.eos_token_id", u32(0)],
  ];
}

/** A byte inside a Python literal. */
function escaped(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[ \w]/.test(character) && byte < 128 ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
}

/** Different words of two syllables, every other one with the space before it. */
function words(count: number): string[] {
  const syllables = Array.from("bcdfghklmnprstvw").flatMap((start) =>
    Array.from("aeiou").flatMap((vowel) => ["", "n", "r", "st"].map((end) => start + vowel + end)),
  );
  const syllable = (i: number) => syllables[i % syllables.length] ?? "";
  return Array.from({ length: count }, (_, i) => {
    const word = i >> 1;
    return (i & 1 ? " " : "") + syllable(word) + syllable(Math.floor(word / syllables.length));
  });
}

function draws(quantised: Quantised): Draw[] {
  const matrix = (name: string, rows: number, cols: number) => matrixOf(quantised, name, rows, cols);
  return [
    matrix("token_embd.weight", VOCAB, WIDTH),
    ...norm("token_embd_norm"),
    ...norm("output_norm"),
    matrix("output.weight", VOCAB, WIDTH),
    ...Array.from({ length: LAYERS }, (_, layer) => block(layer, matrix)).flat(),
  ];
}

/** Values in the ranges that training leaves them in, so that nothing overflows or dies out. */
function block(layer: number, matrix: (name: string, rows: number, cols: number) => Draw): Draw[] {
  const vector = (name: string, low: number, high: number): Draw => [name, "F32", [WIDTH], low, high];
  const ranks = Object.entries(layer === 0 ? { ...RANKS, v: RANKS.a } : RANKS); // unused, and as the converter writes it
  const all: Draw[] = [
    ...norm("attn_norm"),
    ...norm("attn_norm_2"),
    ...norm("time_mix_ln"),
    ["time_mix_lerp_fused.weight", "F32", [6, 1, 1, WIDTH], 0, 1],
    ...["w", "a", "v"].map((letter) => vector(`time_mix_${letter}0.weight`, -2, 1)),
    ...ranks.flatMap(([letter, rank]) => lowRank(`time_mix_${letter}`, rank)),
    vector("time_mix_k_k.weight", 0.7, 1),
    vector("time_mix_k_a.weight", 0.9, 1.1),
    vector("time_mix_r_k.weight", -0.1, 0.1),
    ...["key", "value", "receptance", "output"].map((name) => matrix(`time_mix_${name}.weight`, WIDTH, WIDTH)),
    ["channel_mix_lerp_k.weight", "F32", [1, 1, WIDTH], 0, 1],
    matrix("channel_mix_key.weight", FFN, WIDTH),
    matrix("channel_mix_value.weight", WIDTH, FFN),
  ];
  return all.map(([name, ...rest]) => [`blk.${layer}.${name}`, ...rest]);
}

function norm(name: string): Draw[] {
  return [
    [`${name}.weight`, "F32", [WIDTH], 0.9, 1.1],
    [`${name}.bias`, "F32", [WIDTH], -0.1, 0.1],
  ];
}

/** Of the variance that keeps the size of a vector. */
function matrixOf(quantised: Quantised, name: string, rows: number, cols: number): Draw {
  const limit = Math.sqrt(3 / cols);
  return [name, quantised, [rows, cols], -limit, limit];
}

/** llama.cpp's quantiser leaves them as they are. */
function lowRank(name: string, rank: number): Draw[] {
  return [
    [`${name}1.weight`, "F16", [rank, WIDTH], -0.1, 0.1],
    [`${name}2.weight`, "F16", [WIDTH, rank], -0.1, 0.1],
  ];
}

function sample([name, dtype, shape, low, high]: Draw, next: (below: number) => number): Sample {
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = new Uint8Array(byteLength(dtype satisfies Dtype, count));
  const value = () => low + (high - low) * (next(1 << 24) / (1 << 24));
  if (dtype === "Q8_0" || dtype === "Q4_0") fillBlocks(bytes, dtype, high, next);
  else if (dtype === "F16") new Uint16Array(bytes.buffer).forEach((_, i, all) => void (all[i] = half(value())));
  else new Float32Array(bytes.buffer).forEach((_, i, all) => void (all[i] = value()));
  return { name, dtype, shape, bytes };
}

/** Bytes of a block of 32 values, and the largest of them. */
const BLOCKS = { Q8_0: { bytes: 34, largest: 127 }, Q4_0: { bytes: 18, largest: 8 } } as const;

/** Blocks of a scale and 32 values, drawn four bytes at a time; none of Q8_0 is -128. */
function fillBlocks(bytes: Uint8Array, dtype: Quantised, limit: number, next: (below: number) => number): void {
  const view = new DataView(bytes.buffer);
  const { bytes: size, largest } = BLOCKS[dtype];
  const scale = half(limit / largest);
  for (let block = 0; block < bytes.length; block += size) {
    view.setUint16(block, scale - next(64), true);
    for (let at = block + 2; at < block + size; at += 4) view.setUint32(at, next(2 ** 32), true);
    if (dtype === "Q4_0") continue;
    for (let at = block + 2; at < block + size; at++) if (bytes[at] === 0x80) bytes[at] = 0x81;
  }
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** Bits of a half-precision number, for values that are normal there; all others are 0. */
function half(value: number): number {
  float[0] = value;
  const bits = floatBits[0]!;
  const exponent = ((bits >>> 23) & 255) - 112;
  if (exponent <= 0) return 0;
  return ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 1023);
}
