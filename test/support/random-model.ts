import { type Sample, safetensors } from "./make-checkpoints.ts";
import { random } from "./random.ts";
import { float32 } from "./tensor-values.ts";

export interface RandomModelShape {
  width: number;
  layers: number;
  headSize: number;
  vocabSize: number;
}

/** Hidden values of every low-rank product. */
const RANK = 16;

/** An RWKV-7 of any size with random weights, as a .safetensors file: it says nothing, but finite numbers. */
export function randomModel(shape: RandomModelShape): Uint8Array {
  return safetensors(randomSamples(shape));
}

/** Its tensors. */
export function randomSamples({ width, layers, headSize, vocabSize }: RandomModelShape): Sample[] {
  const next = random(7);
  const tensor = (name: string, shape: number[], spread: number, middle = 0): Sample => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < values.length; i++) values[i] = middle + spread * (next(1 << 20) / (1 << 19) - 1);
    return float32(name, shape, values);
  };
  const vector = (name: string, middle = 0) => tensor(name, [1, 1, width], 0.3, middle);
  const matrix = (name: string, rows: number, cols: number) => tensor(name, [rows, cols], Math.sqrt(3 / cols));
  const norm = (name: string) => [
    tensor(`${name}.weight`, [width], 0.1, 1),
    tensor(`${name}.bias`, [width], 0.1), //
  ];
  const lowRank = (name: string) => [
    vector(`${name}0`),
    matrix(`${name}1`, width, RANK),
    matrix(`${name}2`, RANK, width),
  ];
  const block = (at: string) => [
    ...norm(`${at}.ln1`),
    ...norm(`${at}.ln2`),
    ...Array.from("rwkvag", (c) => vector(`${at}.att.x_${c}`, 0.5)),
    ...Array.from("wav", (c) => lowRank(`${at}.att.${c}`)).flat(),
    ...lowRank(`${at}.att.g`).slice(1),
    vector(`${at}.att.k_k`, 1),
    vector(`${at}.att.k_a`, 1),
    tensor(`${at}.att.r_k`, [width / headSize, headSize], 0.3),
    ...["receptance", "key", "value", "output"].map((name) => matrix(`${at}.att.${name}.weight`, width, width)),
    ...norm(`${at}.att.ln_x`),
    vector(`${at}.ffn.x_k`, 0.5),
    matrix(`${at}.ffn.key.weight`, 4 * width, width),
    matrix(`${at}.ffn.value.weight`, width, 4 * width),
  ];
  return [
    tensor("emb.weight", [vocabSize, width], 1),
    ...norm("blocks.0.ln0"),
    ...Array.from({ length: layers }, (_, i) => block(`blocks.${i}`)).flat(),
    ...norm("ln_out"),
    matrix("head.weight", vocabSize, width),
  ];
}
