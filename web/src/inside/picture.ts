// A state as a picture: a tile for each head, layers below one another.
import { computed } from "@preact/signals";
import type { StateTensor } from "wkv";
import { colour, repaints } from "../look.ts";

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

/** After as many milliseconds of drawing the page's thread may do something else. */
const SLICE_MS = 10;

/**
 * Draws all tiles, layer by layer; each has a scale, because layers differ by orders of magnitude.
 * @param isWanted asked between slices: a picture that is not wanted any more is left as it is
 */
export async function draw(
  canvas: HTMLCanvasElement,
  tiles: readonly (readonly Tile[])[],
  isWanted: () => boolean,
): Promise<void> {
  const { columns, rows, step } = geometryOf(tiles);
  const image = new ImageData(columns * step - GAP, rows * step - GAP);
  const pixels = new Uint32Array(image.data.buffer);
  let start = performance.now();
  for (const [y, row] of tiles.entries()) {
    const scale = 3 * rms(row.map(({ values }) => values));
    for (const [x, tile] of row.entries()) paint(pixels, y * step * image.width + x * step, image.width, tile, scale);
    if (performance.now() - start < SLICE_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (!isWanted()) return;
    start = performance.now();
  }
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}

/** Plain loops here and in `rms`: a state of the 0.1B shape has 589,824 values, and the page's thread has 16 ms a frame. */
function paint(pixels: Uint32Array, at: number, width: number, { values, side }: Tile, scale: number): void {
  const colours = palette.value;
  const factor = scale > 0 ? ZERO / scale : 0;
  for (let i = 0; i < values.length; i += side) {
    const end = Math.min(i + side, values.length);
    for (let j = i, pixel = at + (i / side) * width; j < end; j++, pixel++) {
      const shade = (ZERO + 0.5 + values[j]! * factor) | 0;
      pixels[pixel] = colours[shade < 0 ? 0 : shade > 2 * ZERO ? 2 * ZERO : shade]!;
    }
  }
}

export function rms(parts: readonly Float32Array[]): number {
  let sum = 0;
  let count = 0;
  for (const values of parts) {
    for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
    count += values.length;
  }
  return Math.sqrt(sum / Math.max(1, count));
}

/** The shade of zero; 0 is that of the most negative values. */
const ZERO = 127;
const SHADES = 2 * ZERO + 1;

const palette = computed(() => {
  repaints.value;
  return makePalette();
});

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
