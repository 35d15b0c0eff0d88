// What a GGUF says of its model beside the tensors, with the keys of llama.cpp's converter.
import { f32, type GgufEntry, i32, list, string, u32 } from "../checkpoint/gguf-writer.ts";
import type { WeightFormat } from "../checkpoint/weight-formats.ts";
import { WkvError } from "../errors.ts";
import type { Recipe } from "../models/recipe.ts";
import { embeddedTokens } from "../tokenizer/embed.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** llama.cpp's numbers of mostly such files. */
const FILE_TYPES: Readonly<Record<WeightFormat | "f16", number>> = { f32: 0, f16: 1, int4: 2, int8: 7 };

/** The converter's, for a model without a limit. */
const CONTEXT = 1 << 20;
/** Of the World vocabulary, where it is "\n\n", which ends a turn of its chats. */
const END_OF_TURN = 261;

export interface GgufFacts {
  readonly recipe: Recipe;
  /** The model's name. */
  readonly name: string;
  readonly weights: WeightFormat | "f16";
  readonly tokenizer: Tokenizer | undefined;
  readonly template: string | undefined;
}

/** @throws WkvError `unsupported-model` for a model that llama.cpp does not compute, `bad-vocab` for such a vocabulary */
export function ggufMetadata({ recipe, name, weights, tokenizer, template }: GgufFacts): GgufEntry[] {
  const { shape } = recipe;
  const architecture = shape.version.name;
  const numbers: Record<string, number> = {
    context_length: CONTEXT,
    embedding_length: shape.width,
    block_count: shape.layers,
    feed_forward_length: shape.ffn,
    "attention.head_count": 0,
    "wkv.head_size": shape.headSize,
    token_shift_count: 2,
    ...versionNumbers(recipe),
  };
  return [
    ["general.architecture", string(architecture)],
    ["general.type", string("model")],
    ["general.name", string(name)],
    ["general.file_type", u32(FILE_TYPES[weights])],
    ["general.quantization_version", u32(2)],
    ...Object.entries(numbers).map(([key, value]): GgufEntry => [`${architecture}.${key}`, u32(value)]),
    [`${architecture}.attention.layer_norm_epsilon`, f32(1e-5)],
    ...(tokenizer ? vocabulary(tokenizer, shape.vocabSize) : [noVocabulary(), sizeWithout(recipe)]),
    ...(template === undefined ? [] : [["tokenizer.chat_template", string(template)] as const]),
  ];
}

function versionNumbers({ shape: { version, ranks } }: Recipe): Record<string, number> {
  if (version.name === "rwkv6") {
    const [decay = 0, mix = 0] = ranks;
    return { time_decay_extra_dim: decay, time_mix_extra_dim: mix / 5, rescale_every_n_layers: 0 };
  }
  const [w = 0, a = 0, v = 0, g = 0] = ranks;
  return {
    "attention.decay_lora_rank": w,
    "attention.iclr_lora_rank": a,
    "attention.value_residual_mix_lora_rank": v || a,
    "attention.gate_lora_rank": g,
  };
}

function vocabulary(tokenizer: Tokenizer, size: number): GgufEntry[] {
  const { tokens, types } = embeddedTokens(tokenizer, size);
  const { endOfText } = tokenizer;
  const special = (name: string, id: number): GgufEntry => [`tokenizer.ggml.${name}_token_id`, u32(id)];
  return [
    ["tokenizer.ggml.model", string("rwkv")],
    ["tokenizer.ggml.tokens", list(tokens.map((token) => string(token)))],
    ["tokenizer.ggml.token_type", list(types.map(i32))],
    ...(endOfText === undefined ? [] : [special("bos", endOfText), special("eos", endOfText)]),
    ...(tokens[END_OF_TURN] === "\\n\\n" ? [special("eot", END_OF_TURN)] : []),
  ];
}

function noVocabulary(): GgufEntry {
  return ["tokenizer.ggml.model", string("no_vocab")];
}

function sizeWithout({ shape }: Recipe): GgufEntry {
  return [`${shape.version.name}.vocab_size`, u32(shape.vocabSize)];
}

/** The group norm's epsilon in llama.cpp. */
const GROUP_NORM_EPS = 64e-5;

/** @throws WkvError `unsupported-model` for what llama.cpp would compute otherwise, or not at all */
export function checkForLlamaCpp(
  { shape, globals, groupNormEps, tunedState }: Recipe,
  file: string,
  eps = groupNormEps,
): void {
  const refuse = (why: string): never => {
    throw new WkvError("unsupported-model", `${file} cannot be a GGUF file: ${why}; convert to a .safetensors.`);
  };
  if (!["rwkv6", "rwkv7"].includes(shape.version.name)) refuse("llama.cpp runs RWKV-6 and 7 only");
  if (!globals.some(({ weight }) => weight.name === "blocks.0.ln0.weight"))
    refuse("its first layer norm is a part of the embedding, and llama.cpp wants it apart");
  if (Math.abs(eps / GROUP_NORM_EPS - 1) > 1e-6)
    refuse(`llama.cpp's group norm has an epsilon of ${GROUP_NORM_EPS}, this model's ${eps}`);
  if (tunedState) refuse("it starts from a tuned state, for which GGUF has no place");
}
