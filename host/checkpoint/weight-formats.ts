import * as abi from "../../assembly/abi.ts";
import type { Dtype } from "./dtypes.ts";

/** How the matrices of a model are stored in memory and in packed files. */
interface WeightFormatRow {
  /** A FORMAT_... of abi.ts. */
  readonly id: number;
  /** Bytes of a packed matrix. */
  bytes(rows: number, cols: number): number;
  /** The stored format whose numbers it keeps exactly; packed files list their matrices as this type. */
  readonly dtype: Dtype;
  /** Whether products read quantised activations. */
  readonly quantised: boolean;
  /** Whether activations have 8 bits in every product of the model, rather than 14. */
  readonly activations8: boolean;
}

/** 32 weights of one row: 8-bit integers and a 16-bit scale. */
const INT8_GROUP_BYTES = abi.QUANT_VALUES + 2;
/** The same with 4-bit integers. */
const INT4_GROUP_BYTES = abi.QUANT_VALUES / 2 + 2;

/** A new format needs a row here, its FORMAT_... in abi.ts, and its kernels in assembly/formats/. */
export const WEIGHT_FORMATS = {
  int8: {
    id: abi.FORMAT_INT8,
    bytes: (rows, cols) => wholeUnits(rows) * Math.ceil(cols / abi.QUANT_VALUES) * INT8_GROUP_BYTES,
    dtype: "Q8_0",
    quantised: true,
    activations8: false,
  },
  int4: {
    id: abi.FORMAT_INT4,
    bytes: (rows, cols) => wholeUnits(rows) * Math.ceil(cols / abi.QUANT_VALUES) * INT4_GROUP_BYTES,
    dtype: "Q4_0",
    quantised: true,
    activations8: true,
  },
  f32: {
    id: abi.FORMAT_F32,
    bytes: (rows, cols) => wholeUnits(rows) * cols * 4,
    dtype: "F32",
    quantised: false,
    activations8: false,
  },
} as const satisfies Record<string, WeightFormatRow>;

export type WeightFormat = keyof typeof WEIGHT_FORMATS;

export const DEFAULT_WEIGHTS: WeightFormat = "int8";

/** In the order of the table. */
export const WEIGHT_FORMAT_NAMES = Object.keys(WEIGHT_FORMATS) as WeightFormat[];

export function isWeightFormat(value: unknown): value is WeightFormat {
  return typeof value === "string" && Object.hasOwn(WEIGHT_FORMATS, value);
}

/** For messages and help: `"int8" or "f32"`. */
export function quotedFormats(...more: readonly string[]): string {
  const names = [...WEIGHT_FORMAT_NAMES, ...more].map((name) => `"${name}"`);
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

export function weightFormat(name: WeightFormat): WeightFormatRow {
  return WEIGHT_FORMATS[name];
}

/** Rounded up to whole units of packed rows. */
export function wholeUnits(rows: number): number {
  return Math.ceil(rows / abi.UNIT_ROWS) * abi.UNIT_ROWS;
}
