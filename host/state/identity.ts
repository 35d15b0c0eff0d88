import * as W from "../../assembly/slots.ts";
import { type WeightFormat, weightFormat } from "../checkpoint/weight-formats.ts";
import type { Engine } from "../engine/engine.ts";
import type { Plan } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import type { Entry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";

/** The model that a state belongs to. */
export interface Identity {
  /** With the minor version: "5.2". */
  readonly version: string;
  readonly layers: number;
  readonly width: number;
  readonly headSize: number;
  readonly vocabSize: number;
  /** Hash of ln1 and ln2 of all layers and ln_out: independent of container and quantisation. */
  readonly norms: string;
  /** Hash of the first weights of two matrices as in memory: different for each quantisation and LoRA. */
  readonly matrices: string;
  /** Weight format when the state was saved. */
  readonly weights: WeightFormat;
}

/** Fields that must match for a state to be loaded, in the order they are reported. */
const MUST_BE_EQUAL: readonly [keyof Identity, string][] = [
  ["version", "RWKV version"],
  ["layers", "number of layers"],
  ["width", "width"],
  ["headSize", "head size"],
  ["vocabSize", "vocabulary size"],
  ["norms", "hash of the layer norms (the shapes are equal, the weights are not)"],
];

const NORMS_OF_LAYER = new Set([W.LN1_WEIGHT, W.LN1_BIAS, W.LN2_WEIGHT, W.LN2_BIAS]);
const NORMS_OUTSIDE = new Set([W.LN_OUT_WEIGHT, W.LN_OUT_BIAS]);
/** Words of a matrix that are hashed: fewer than any matrix has. */
const SAMPLE = 256;

/** The identity of a freshly loaded model, from its memory. */
export async function identify({ shape, globals, layers }: Recipe, plan: Plan, engine: Engine): Promise<Identity> {
  const norms = new Hash();
  const addNorms = async (entries: readonly Entry[], slots: ReadonlySet<number>) => {
    for (const entry of entries)
      if (entry.kind === "vector" && slots.has(entry.slot))
        norms.add(await engine.memory.read(plan.addresses.get(entry) ?? 0, entry.length));
  };
  await addNorms(globals, NORMS_OUTSIDE);
  for (const layer of layers) await addNorms(layer, NORMS_OF_LAYER);

  const matrices = new Hash();
  for (const [entries, slot] of [[layers[0], W.ATT_KEY] as const, [layers.at(-1), W.FFN_VALUE] as const]) {
    const entry = entries?.find((e) => e.slot === slot);
    if (!entry) continue;
    const first = await engine.memory.read(plan.addresses.get(entry) ?? 0, SAMPLE);
    if (weightFormat(plan.weights).quantised) matrices.addBits(first);
    else matrices.add(first);
  }
  const { release: version, layers: count, width, headSize, vocabSize } = shape;
  const { weights } = plan;
  return { version, layers: count, width, headSize, vocabSize, norms: norms.hex, matrices: matrices.hex, weights };
}

/**
 * Whether a model can continue from a state.
 * @returns warnings: same model, different matrices
 * @throws WkvError `bad-state` naming the first difference
 */
export function checkIdentity(state: Identity, model: Identity): string[] {
  for (const [key, name] of MUST_BE_EQUAL)
    if (state[key] !== model[key])
      throw new WkvError(
        "bad-state",
        `The saved state belongs to another model: its ${name} is ${state[key]}, this model's is ${model[key]}. ` +
          "Load the model that it was saved with.",
      );
  if (state.weights !== model.weights)
    return [
      `The saved state was made with ${state.weights} weights, and this model has ${model.weights}: ` +
        "generation continues, but results will differ from the original session.",
    ];
  if (state.matrices !== model.matrices)
    return [
      "The saved state was made from another file of this model, quantised differently or fine-tuned: " +
        "generation continues, but results will differ from the original session.",
    ];
  return [];
}

/**
 * A 64-bit hash of numbers, each first rounded to f16: a model published as bf16 or f16 has the same values after any
 * conversion to f32 or f16. It distinguishes models; it is not collision resistant against an attacker.
 */
class Hash {
  #a = 0x9e3779b9;
  #b = 0x85ebca6b;

  add(values: Float32Array): void {
    const rounded = new Float32Array(values.length);
    for (let i = 0; i < values.length; i++) rounded[i] = toHalf(values[i] as number);
    this.addBits(rounded);
  }

  /** The values' bits, unrounded. */
  addBits(values: Float32Array): void {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
    let [a, b] = [this.#a, this.#b];
    // Indices: 40,000 steps of an iterator take 10 ms in a new process.
    for (let i = 0; i < words.length; i++) {
      const bits = words[i] as number;
      a = Math.imul(a ^ bits, 0x2c1b3c6d);
      a ^= a >>> 15;
      b = Math.imul((b + bits) | 0, 0x297a2d39);
      b ^= b >>> 13;
    }
    [this.#a, this.#b] = [a, b];
  }

  /** 16 digits. */
  get hex(): string {
    return [this.#a, this.#b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** Rounds to the nearest f16, ties to even; -0 becomes 0, and values beyond f16 are unchanged. */
function toHalf(value: number): number {
  scratch[0] = value;
  const exponent = Math.max(-14, (((scratchBits[0] as number) >>> 23) & 0xff) - 127);
  // Adding a number whose last bit is f16's rounds; subtracting it is exact.
  const large = 1.5 * 2 ** (52 - 10 + exponent);
  return value + large - large;
}
