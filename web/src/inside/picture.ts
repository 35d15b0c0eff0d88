// A state as a picture: a tile for each head, layers below one another.
import type { StateTensor } from "wkv";
import { colour } from "../look.ts";

/** A square of values. */
export interface Tile {
  readonly values: Float32Array;
  readonly side: number;
}

/** Rows are layers. RWKV-4, which has no heads, has a tile for each of its vectors. */
export function tilesOf(state: readonly StateTensor[]): Tile[][] {
  const rows: Tile[][] = [];
  for (const { name, shape, values } of state) {
    const row = (rows[Number(name.split(".")[1])] ??= []);
    const [heads = 1, side = 0] = shape.length === 3 ? shape : [];
    if (side > 0) for (let head = 0; head < heads; head++) row.push(tile(values, head, side));
    else if (!name.endsWith("x_prev")) row.push({ values, side: Math.ceil(Math.sqrt(values.length)) });
  }
  return rows;
}

function tile(values: Float32Array, head: number, side: number): Tile {
  return { values: values.subarray(head * side * side, (head + 1) * side * side), side };
}

/** One state less another. */
export function difference(state: readonly StateTensor[], base: readonly StateTensor[]): StateTensor[] {
  return state.map((tensor, i) => {
    const other = base[i]?.values;
    return { ...tensor, values: tensor.values.map((value, j) => value - (other?.[j] ?? 0)) };
  });
}

/** Pixels between tiles. */
const GAP = 2;

export interface Geometry {
  readonly columns: number;
  readonly rows: number;
  /** Pixels from one tile to the next. */
  readonly step: number;
}

export function geometryOf(tiles: readonly (readonly Tile[])[]): Geometry {
  const side = tiles[0]?.[0]?.side ?? 1;
  return { columns: tiles[0]?.length ?? 1, rows: tiles.length, step: side + GAP };
}

/** Draws all tiles; each layer has a scale, because layers differ by orders of magnitude. */
export function draw(canvas: HTMLCanvasElement, tiles: readonly (readonly Tile[])[]): void {
  const { columns, rows, step } = geometryOf(tiles);
  canvas.width = columns * step - GAP;
  canvas.height = rows * step - GAP;
  const context = canvas.getContext("2d")!;
  const palette = makePalette();
  for (const [y, row] of tiles.entries()) {
    const scale = 3 * rms(row.map(({ values }) => values));
    for (const [x, { values, side }] of row.entries()) {
      const image = context.createImageData(side, side);
      const pixels = new Uint32Array(image.data.buffer);
      for (const [i, value] of values.entries()) pixels[i] = palette[shade(value, scale)] as number;
      context.putImageData(image, x * step, y * step);
    }
  }
}

export function rms(parts: readonly Float32Array[]): number {
  let sum = 0;
  let count = 0;
  for (const values of parts) {
    for (const value of values) sum += value * value;
    count += values.length;
  }
  return Math.sqrt(sum / Math.max(1, count));
}

const SHADES = 255;

/** 0 for the most negative values, 127 for zero. */
function shade(value: number, scale: number): number {
  const share = scale > 0 ? Math.max(-1, Math.min(1, value / scale)) : 0;
  return Math.round(((share + 1) / 2) * (SHADES - 1));
}

/** Colours from the style sheet's, as the pixels of an image: alpha, blue, green, red. */
function makePalette(): Uint32Array {
  const [negative, zero, positive] = [colour("negative"), colour("zero"), colour("positive")];
  return Uint32Array.from({ length: SHADES }, (_, i) => {
    const share = (2 * i) / (SHADES - 1) - 1;
    const end = share < 0 ? negative : positive;
    const strength = Math.abs(share) ** 0.7;
    const [r, g, b] = zero.map((value, c) => Math.round(value + ((end[c] as number) - value) * strength));
    return ((255 << 24) | (b! << 16) | (g! << 8) | r!) >>> 0;
  });
}
