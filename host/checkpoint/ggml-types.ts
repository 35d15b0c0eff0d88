import { WkvError } from "../errors.ts";
import { quoted } from "./damage.ts";
import type { Dtype } from "./dtypes.ts";

/** ggml's type numbers that wkv reads. rwkv.cpp numbers its types differently. */
export const GGML_TYPES: Readonly<Record<Dtype, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  BF16: 30,
};

const READ = new Map(Object.entries(GGML_TYPES).map(([dtype, type]) => [type, dtype as Dtype]));

/** The other types, for messages. */
const NOT_READ = new Map([
  [9, "Q8_1"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [20, "IQ4_NL"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [23, "IQ4_XS"],
  [24, "I8"],
  [25, "I16"],
  [26, "I32"],
  [27, "I64"],
  [28, "F64"],
  [29, "IQ1_M"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
]);

/**
 * @param file file name for the message; `tensor` likewise
 * @throws WkvError `unsupported-model` for any other type, with the supported types and how to get one
 */
export function dtypeOf(type: number, tensor: string, file: string): Dtype {
  const dtype = READ.get(type);
  if (dtype) return dtype;
  throw new WkvError(
    "unsupported-model",
    `${file}: tensor ${quoted(tensor)} is ${NOT_READ.get(type) ?? `of type ${type}`}; wkv supports these GGUF types: ` +
      `${[...READ.values()].join(", ")}. Get the model in one of them, or requantise it with ` +
      "llama-quantize --pure, which gives all matrices the requested type.",
  );
}
