import type { Checkpoint, Tensor } from "../checkpoint/checkpoint.ts";
import { damaged, quoted } from "../checkpoint/damage.ts";
import type { Metadata } from "../checkpoint/metadata.ts";
import { scaledTensor } from "../checkpoint/scaled.ts";
import { MODULES, SCHEMES } from "./gguf-names.ts";
import { entry, isLowRank, swapped, UNUSED7, type Weight, whole } from "./weights.ts";

/** Matrices that RWKV-6's converter divides, for engines that halve the residual stream every few layers. */
const DIVIDED = new Set(["time_mix_output", "channel_mix_value"]);

/** `blk.N.`, name, suffix. */
const NAME = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/;

/** Epsilon of the layer norms; a constant of the engine. */
const LAYER_NORM_EPS = 1e-5;

/**
 * A converter from a GGUF's tensors to published names, shapes and values. A GGUF has low-rank matrices transposed,
 * mixing vectors fused, the heads of a bonus flattened, and matrices of RWKV-6's later layers divided by powers of two.
 * @param file file name for messages
 * @throws WkvError `bad-file` if the file's metadata and tensors contradict each other
 */
export function fromGguf({ metadata = new Map(), tensors }: Checkpoint, file: string): (tensor: Tensor) => Weight[] {
  const architecture = String(metadata.get("general.architecture"));
  const scheme = SCHEMES.get(architecture);
  const marker = "blk.0.time_mix_r_k.weight";
  if (!scheme || tensors.has(marker) !== (architecture === "rwkv7"))
    throw damaged(
      file,
      `its general.architecture is ${quoted(architecture)}, but it has ${tensors.has(marker) ? "a" : "no"} tensor ` +
        `${marker}, which belongs to RWKV-7: convert the model again.`,
    );
  const facts = new Facts(metadata, architecture, file);
  facts.checkEpsilon();
  return (tensor) => {
    const [, layer, name = "", ending] = NAME.exec(tensor.name) ?? [];
    const prefix = layer === undefined ? "" : `blocks.${layer}.`;
    const module = MODULES.get(name);
    if (module) return [whole(facts.restored(tensor, name, Number(layer)), `${prefix}${module}.${ending}`)];
    if (name === "time_mix_lerp_fused") return unfused(whole(tensor), prefix, scheme.fused, file);
    const parameter = scheme.parameters.get(name);
    // A name without a published equivalent is kept, for the message that refuses it.
    const weight = whole(tensor, parameter ? prefix + parameter : tensor.name);
    if (UNUSED7.test(weight.name)) return [];
    if (isLowRank(weight.name)) return [swapped(weight)];
    return [/\.att\.(r_k|time_faaaa)$/.test(weight.name) ? facts.byHeads(weight) : weight];
  };
}

function unfused(weight: Weight, prefix: string, names: readonly string[], file: string): Weight[] {
  if (weight.shape[0] !== names.length)
    throw damaged(
      file,
      `tensor ${quoted(weight.name)} has shape [${weight.shape}] instead of ${names.length} mixing vectors: ` +
        "convert the model again with a current llama.cpp.",
    );
  return names.map((name, i) => entry(weight, i, prefix + name));
}

/** Metadata of the model, under keys that begin with the architecture. */
class Facts {
  readonly #metadata: Metadata;
  readonly #architecture: string;
  readonly #file: string;

  constructor(metadata: Metadata, architecture: string, file: string) {
    this.#metadata = metadata;
    this.#architecture = architecture;
    this.#file = file;
  }

  checkEpsilon(): void {
    const key = "attention.layer_norm_epsilon";
    const epsilon = this.#number(key, LAYER_NORM_EPS);
    if (Math.fround(epsilon) !== Math.fround(LAYER_NORM_EPS))
      throw damaged(this.#file, `${this.#architecture}.${key} is ${epsilon}; wkv supports only ${LAYER_NORM_EPS}.`);
  }

  /** Undoes the converter's division. */
  restored(tensor: Tensor, name: string, layer: number): Tensor {
    const every = this.#number("rescale_every_n_layers", 0);
    if (every === 0 || !DIVIDED.has(name) || this.#architecture !== "rwkv6") return tensor;
    return scaledTensor(tensor, Math.floor(layer / every), this.#file);
  }

  /** A vector of all heads' values, in the published shape [heads, head size]. */
  byHeads(weight: Weight): Weight {
    const headSize = this.#number("wkv.head_size");
    const values = weight.shape.reduce((product, size) => product * size, 1);
    if (headSize === 0 || values % headSize !== 0)
      throw damaged(
        this.#file,
        `${this.#architecture}.wkv.head_size is ${headSize}, which does not divide the ${values} values of ` +
          `${weight.name}: convert the model again.`,
      );
    return { ...weight, shape: [values / headSize, headSize] };
  }

  /** @throws WkvError `bad-file` if it is missing without a default, or not a number >= 0 */
  #number(name: string, otherwise?: number): number {
    const key = `${this.#architecture}.${name}`;
    const value = this.#metadata.get(key) ?? otherwise;
    if (typeof value === "number" && value >= 0) return value;
    throw damaged(this.#file, `its metadata has no valid ${key}: convert the model again with a current llama.cpp.`);
  }
}
