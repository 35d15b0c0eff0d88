/** Shape of a model with random weights. */
export interface SyntheticShape {
  readonly layers: number;
  readonly width: number;
  readonly headSize: number;
  readonly vocabSize: number;
}

/** Name, shape, and the interval of the values. */
type Draw = readonly [name: string, shape: readonly number[], low: number, high: number];

/**
 * An RWKV-7 model with seeded random weights, as a .safetensors file in memory: the same bytes on every machine. It
 * writes noise, at the speed of any model of its shape.
 */
export function syntheticModel(shape: SyntheticShape, seed = 1): Uint8Array {
  const draws = allDraws(shape);
  let at = 0;
  const header: Record<string, unknown> = {};
  for (const [name, dims] of draws)
    header[name] = { dtype: "F32", shape: dims, data_offsets: [at, (at += 4 * size(dims))] };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + padded + at).fill(0x20, 0, 8 + padded);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(json, 8);
  const random = mulberry32(seed);
  const values = new Float32Array(file.buffer, 8 + padded);
  let i = 0;
  for (const [, dims, low, high] of draws) {
    for (const end = i + size(dims); i < end; i++) values[i] = low + (high - low) * random();
  }
  return file;
}

function allDraws({ layers, width, headSize, vocabSize }: SyntheticShape): Draw[] {
  return [
    ["emb.weight", [vocabSize, width], -1, 1],
    ...norm("blocks.0.ln0", width),
    ...Array.from({ length: layers }, (_, i) => block(i, width, headSize)).flat(),
    ...norm("ln_out", width),
    matrix("head.weight", vocabSize, width),
  ];
}

/** Values in the ranges of trained models, so that nothing overflows or vanishes. */
function block(layer: number, width: number, headSize: number): Draw[] {
  const draws: Draw[] = [
    ...norm("ln1", width),
    ...norm("ln2", width),
    ...["x_r", "x_w", "x_k", "x_v", "x_a", "x_g"].map((name): Draw => [`att.${name}`, [1, 1, width], 0, 1]),
    ...["w", "a", "g", ...(layer > 0 ? ["v"] : [])].flatMap((letter) => lowRank(letter, width)),
    ["att.k_k", [1, 1, width], 0.7, 1],
    ["att.k_a", [1, 1, width], 0.9, 1.1],
    ["att.r_k", [width / headSize, headSize], -0.1, 0.1],
    ...["receptance", "key", "value", "output"].map((name) => matrix(`att.${name}.weight`, width, width)),
    ...norm("att.ln_x", width),
    ["ffn.x_k", [1, 1, width], 0, 1],
    matrix("ffn.key.weight", 4 * width, width),
    matrix("ffn.value.weight", width, 4 * width),
  ];
  return draws.map(([name, shape, low, high]) => [`blocks.${layer}.${name}`, shape, low, high]);
}

function norm(name: string, width: number): Draw[] {
  return [
    [`${name}.weight`, [width], 0.9, 1.1],
    [`${name}.bias`, [width], -0.1, 0.1],
  ];
}

/** Uniform, with the variance that preserves the size of a vector. */
function matrix(name: string, rows: number, cols: number): Draw {
  const limit = Math.sqrt(3 / cols);
  return [name, [rows, cols], -limit, limit];
}

/** `w0 + tanh(x w1) w2` and the like; the gate g has no bias. */
function lowRank(letter: string, width: number): Draw[] {
  const rank = 32;
  const bias: Draw[] = letter === "g" ? [] : [[`att.${letter}0`, [1, 1, width], -2, 1]];
  return [...bias, [`att.${letter}1`, [width, rank], -0.1, 0.1], [`att.${letter}2`, [rank, width], -0.1, 0.1]];
}

function size(dims: readonly number[]): number {
  return dims.reduce((product, n) => product * n, 1);
}

/** Numbers in [0, 1) with 32 bits. */
function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
