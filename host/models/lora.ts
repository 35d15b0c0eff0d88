import { type Checkpoint, isTunedState, type Tensor } from "../checkpoint/checkpoint.ts";
import { damaged, quoted } from "../checkpoint/damage.ts";
import { WkvError } from "../errors.ts";
import { familyOf, publishedName, publishedWeight } from "./hf.ts";
import { count, type LowRankUpdate, swapped, type Weight, type Weights, whole } from "./weights.ts";

/** An opened LoRA, and how much of it to add. */
export interface Lora {
  readonly checkpoint: Checkpoint;
  /** File name for messages. */
  readonly name: string;
  readonly scale: number;
  /** The trainer's lora_alpha; if undefined, the rank, so that `scale` is the whole factor. */
  readonly alpha?: number | undefined;
}

/** `NAME.lora_A` of RWKV's trainers, with `.weight` from PEFT, `init_lora_A` from PiSSA, `lora.0` from web-rwkv. */
const LOW_RANK = /\.(?:(?:init_)?lora_(?<letter>[AB])(?:\.default)?(?:\.weight)?|lora\.(?<digit>[01]))$/;
/** PEFT's prefix of a model's names. */
const PEFT = /^(base_model\.model\.|_forward_module\.)+/;

/** What a LoRA may change. */
const MATRIX = /^(head|blocks\.\d+\.(att|ffn)\.\w+)\.weight$/;
/** Trainers use 8 to 512. */
const MAX_RANK = 1024;

/** Tensors that identify other kinds of adapter. */
const OTHERS: readonly [RegExp, string][] = [
  [/\.bone$/, "Bone"],
  [/\.disha$/, "DiSHA (MiSS)"],
  [/\.(lora_magnitude_vector|lora_M|m)(\.|$)/, "DoRA"],
  [/\.(lora_E|ranknum)$/, "AdaLoRA"],
  [/\.(hada_w\d_\w|lokr_w\d\w*|oft_\w+|vera_lambda_\w|ia3_l)(\.|$)/, "an adapter other than LoRA"],
];

/** Whether this is a LoRA rather than a model: it has low-rank pairs and no embedding. */
export function isLora({ tensors }: Checkpoint): boolean {
  return [...tensors.keys()].some((name) => LOW_RANK.test(name)) && !tensors.has("emb.weight");
}

/** The contents of a LoRA, for inspection without its model. */
export interface LoraFacts {
  /** Published names of the matrices it changes, and the ranks. */
  readonly pairs: readonly { target: string; rank: number }[];
  /** Published names of the tensors it replaces. */
  readonly whole: readonly string[];
}

/** @throws WkvError `unsupported-model` for an adapter of another kind */
export function loraFacts(checkpoint: Checkpoint, file: string): LoraFacts {
  const { pairs, others } = sorted({ checkpoint, name: file, scale: 1 });
  return {
    pairs: [...pairs].map(([target, { a }]) => ({ target, rank: a?.shape[0] ?? 0 })),
    whole: others.map(({ name }) => name),
  };
}

/**
 * The model's weights with a LoRA attached: pairs of matrices are added while the model is loaded; whole tensors, which
 * trainers write for norms and mixing vectors, replace the model's.
 * @throws WkvError `unsupported-model` for an adapter of another kind, `bad-file` if it does not fit the model
 */
export function withLora(weights: Weights, lora: Lora, file: string): Weights {
  const { pairs, others } = sorted(lora);
  const result = new Map(weights);
  for (const weight of others) result.set(weight.name, replacement(result, weight, lora, file));
  for (const [target, pair] of pairs) result.set(target, updated(result, target, pair, lora, file));
  return result;
}

interface Pair {
  a?: Weight;
  b?: Weight;
}

/** The tensors of a LoRA by the published names that they change. */
function sorted({ checkpoint, name: file }: Lora): { pairs: Map<string, Pair>; others: Weight[] } {
  const tensors = [...checkpoint.tensors.values()];
  for (const { name } of tensors) refuseOther(name, file);
  const family = familyOf(tensors.map(({ name }) => name.replace(PEFT, "")));
  const publish = (name: string) => (family ? publishedName(family, name) : name);
  const pairs = new Map<string, Pair>();
  const others: Weight[] = [];
  for (const tensor of tensors) {
    const name = tensor.name.replace(PEFT, "");
    const { letter, digit } = LOW_RANK.exec(name)?.groups ?? {};
    if (letter === undefined && digit === undefined) {
      others.push(publishedWeight(tensor, publish(name)));
      continue;
    }
    const target = publish(`${name.replace(LOW_RANK, "")}.weight`);
    const pair = pairs.get(target) ?? {};
    pairs.set(target, pair);
    if (letter === "A" || digit === "0") pair.a = oriented(tensor, digit !== undefined);
    else pair.b = whole(tensor);
  }
  return { pairs, others };
}

/** web-rwkv's converter swaps the axes of A. */
function oriented(tensor: Tensor, isSwapped: boolean): Weight {
  return isSwapped ? swapped(whole(tensor)) : whole(tensor);
}

function refuseOther(name: string, file: string): void {
  const kind = OTHERS.find(([pattern]) => pattern.test(name))?.[1];
  if (kind === undefined) return;
  throw new WkvError(
    "unsupported-model",
    `${file} has a tensor ${quoted(name)}: it is ${kind}, and wkv merges only LoRA (lora_A and lora_B). ` +
      "Merge it into its model with the trainer's script and load the result.",
  );
}

/** A tensor that replaces the model's. */
function replacement(weights: Weights, weight: Weight, { name: file }: Lora, model: string): Weight {
  const own = weights.get(weight.name);
  if (!isTunedState(weight.name) && (!own || count(own.shape) !== count(weight.shape)))
    throw damaged(
      file,
      `its tensor ${quoted(weight.tensor.name)} [${weight.shape}] does not exist in ${model}: it is a LoRA of another model.`,
    );
  return own ? { ...weight, shape: own.shape } : weight;
}

function updated(weights: Weights, target: string, { a, b }: Pair, lora: Lora, model: string): Weight {
  const own = weights.get(target);
  const [rows = 0, cols = 0] = own?.shape ?? [];
  const rank = a?.shape[0] ?? 0;
  const fits = a && b && own && sameShape(a, [rank, cols]) && sameShape(b, [rows, rank]);
  if (!fits || !MATRIX.test(target) || own.transposed || !(rank > 0 && rank <= MAX_RANK))
    throw damaged(
      lora.name,
      `its pair for ${quoted(target)} is A [${a?.shape ?? "missing"}] and B [${b?.shape ?? "missing"}], and ${model} has ` +
        `${own ? `a tensor [${own.shape}]` : "no such tensor"} there. The LoRA belongs to another model, is incomplete, or ` +
        `changes what wkv does not merge (only matrices of att, ffn and head, of rank 1 to ${MAX_RANK}).`,
    );
  const factor = lora.alpha === undefined ? lora.scale : (lora.scale * lora.alpha) / rank;
  const update: LowRankUpdate = { a, b, rank, factor };
  return { ...own, updates: [...(own.updates ?? []), update] };
}

function sameShape({ shape }: Weight, expected: readonly number[]): boolean {
  return shape.length === expected.length && shape.every((size, axis) => size === expected[axis]);
}
