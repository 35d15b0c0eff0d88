import type { Tensor } from "../checkpoint/checkpoint.ts";
import type { ModelConfig } from "../checkpoint/config.ts";
import { WkvError } from "../errors.ts";
import { entry, isLowRank, swapped, UNUSED7, type Weight, whole } from "./weights.ts";

/** Tensor names of one family of Hugging Face models. */
export interface Family {
  readonly name: string;
  /** A name that only this family has. */
  readonly mark: RegExp;
  /** Rules that turn a name into the published one, applied in order. */
  readonly rules: readonly (readonly [RegExp, string])[];
}

const FAMILIES: readonly Family[] = [
  {
    // RWKV-7: a low-rank product is two linear layers, W1ᵀ, and W2ᵀ with a bias.
    name: "flash-linear-attention",
    mark: /^model\.layers\.\d+\.attn\.([rkvo]_proj\.|[wavg]_lora\.|g_norm\.)/,
    rules: [
      [/^model\.embeddings\./, "emb."],
      [/^model\.norm\./, "ln_out."],
      [/^lm_head\./, "head."],
      [/^model\.layers\./, "blocks."],
      [/\.pre_norm\./, ".ln0."],
      [/\.attn_norm\./, ".ln1."],
      [/\.ffn_norm\./, ".ln2."],
      [/\.attn\.r_proj\./, ".att.receptance."],
      [/\.attn\.k_proj\./, ".att.key."],
      [/\.attn\.v_proj\./, ".att.value."],
      [/\.attn\.o_proj\./, ".att.output."],
      [/\.attn\.g_norm\./, ".att.ln_x."],
      [/\.attn\.(?<letter>[wavg])_lora\.lora\.0\.weight$/, ".att.$<letter>1"],
      [/\.attn\.(?<letter>[wavg])_lora\.lora\.2\.weight$/, ".att.$<letter>2"],
      [/\.attn\.(?<letter>[wavg])_lora\.lora\.2\.bias$/, ".att.$<letter>0"],
      [/\.attn\./, ".att."],
    ],
  },
  {
    // The model code of published repositories: RWKV-4, 5, 6, and Rwkv7ForCausalLM, some with linear low-rank layers.
    name: "transformers",
    mark: /^(rwkv7?|model)\.blocks\.\d+\./,
    rules: [
      [/^(rwkv7?|model)\./, ""],
      [/^embeddings\./, "emb."],
      [/\.pre_ln\./, ".ln0."],
      [/\.attention\./, ".att."],
      [/\.feed_forward\./, ".ffn."],
      [/(\.att\.[wavg][12])\.weight$/, "$1"],
      [/\.time_mix_key$/, ".time_mix_k"],
      [/\.time_mix_value$/, ".time_mix_v"],
      [/\.time_mix_receptance$/, ".time_mix_r"],
      [/\.time_mix_gate$/, ".time_mix_g"],
    ],
  },
];

/** The Hugging Face family of a checkpoint with these names, if any. */
export function familyOf(names: Iterable<string>): Family | undefined {
  for (const name of names) {
    const family = FAMILIES.find(({ mark }) => mark.test(name));
    if (family) return family;
  }
  return undefined;
}

/** Names of unknown tensors are kept, for the message that refuses them. */
export function publishedName({ rules }: Family, name: string): string {
  return rules.reduce((text, [from, to]) => text.replace(from, to), name);
}

/** Names in configurations for the epsilon of the layer norms, which is a constant of the engine. */
const EPSILONS = ["norm_eps", "layer_norm_epsilon", "layer_norm_eps"];
const LAYER_NORM_EPS = 1e-5;

/** @throws WkvError `unsupported-model` if the configuration asks for a computation that the engine does not do */
export function checkConfig(config: ModelConfig, file: string): void {
  for (const key of EPSILONS) {
    const epsilon = config[key];
    if (typeof epsilon === "number" && Math.fround(epsilon) !== Math.fround(LAYER_NORM_EPS))
      throw new WkvError(
        "unsupported-model",
        `${file}: its config.json sets ${key} to ${epsilon}; wkv supports only ${LAYER_NORM_EPS}.`,
      );
  }
  const { model_type: type, rescale_every: every } = config;
  if (type === "rwkv7" && typeof every === "number" && every > 0)
    throw new WkvError(
      "unsupported-model",
      `${file}: its config.json sets rescale_every to ${every}; wkv runs RWKV-7 without rescaling only. Save the model with ` +
        "rescale_every 0.",
    );
}

/** A tensor under its published name; a low-rank matrix that is a linear layer has its axes swapped. */
export function publishedWeight(tensor: Tensor, name: string): Weight {
  const isLinear = tensor.name.endsWith(".weight");
  return isLinear && isLowRank(name) ? swapped(whole(tensor, name)) : whole(tensor, name);
}

/** A converter from such a checkpoint's tensors to published names and shapes. */
export function fromHuggingFace(family: Family): (tensor: Tensor) => Weight[] {
  return (tensor) => {
    const weight = publishedWeight(tensor, publishedName(family, tensor.name));
    const { name } = weight;
    if (UNUSED7.test(name)) return [];
    // Early versions of flash-linear-attention kept the six mixing vectors in one tensor.
    if (name.endsWith(".att.x_x"))
      return Array.from("rwkvag", (c, i) => entry(weight, i, name.replace("x_x", `x_${c}`)));
    return [weight];
  };
}
