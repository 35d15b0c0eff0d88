import type { Tensor } from "../checkpoint/checkpoint.ts";

/**
 * A tensor with the name and orientation of the published `.pth` files, whatever its source. It is a view: the values
 * stay in the file.
 */
export interface Weight {
  readonly name: string;
  readonly tensor: Tensor;
  /** The shape in a `.pth`. */
  readonly shape: readonly number[];
  /** The file has the last two axes swapped. */
  readonly transposed: boolean;
  /** First value of the view within the tensor, in the file's order. */
  readonly offset: number;
  /** rwkv.cpp's files store decay and bonus with their functions already applied. */
  readonly transformed: boolean;
  /** LoRA updates to add to the values, in this order. */
  readonly updates?: readonly LowRankUpdate[];
}

/** W += factor · B A, from a LoRA: A is [rank, columns of W], B is [rows of W, rank]. */
export interface LowRankUpdate {
  readonly a: Weight;
  readonly b: Weight;
  readonly rank: number;
  readonly factor: number;
}

/** Every tensor of a checkpoint under its published name. */
export type Weights = ReadonlyMap<string, Weight>;

/** Tensors of block 0 in some RWKV-7 files; unused, since there is no earlier v to mix in. */
export const UNUSED7 = /^blocks\.0\.att\.v[012]$/;

/** The whole tensor, as it is. */
export function whole(tensor: Tensor, name = tensor.name): Weight {
  return { name, tensor, shape: tensor.shape, transposed: false, offset: 0, transformed: false };
}

/** The tensor, with its last two axes swapped in the file. */
export function swapped(weight: Weight): Weight {
  const shape = [...weight.shape.slice(0, -2), weight.shape.at(-1) ?? 1, weight.shape.at(-2) ?? 1];
  return { ...weight, shape, transposed: !weight.transposed };
}

/** Entry `i` along the first axis. */
export function entry(weight: Weight, i: number, name = `${weight.name}[${i}]`): Weight {
  const shape = weight.shape.slice(1);
  return { ...weight, name, shape, offset: weight.offset + i * count(shape) };
}

/** Number of values. */
export function count(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Whether this published name is a matrix of a low-rank product; converters often transpose those. */
export function isLowRank(name: string): boolean {
  return /\.att\.(time_maa_w[12]|time_decay_w[12]|[wavg][12])$/.test(name);
}
