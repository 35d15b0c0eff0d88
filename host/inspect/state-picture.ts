import type { Tensor } from "../checkpoint/checkpoint.ts";
import { openCheckpoint } from "../checkpoint/open.ts";
import { WkvError } from "../errors.ts";
import { openSource } from "../source/open.ts";

/** An RGB image, one byte per component, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** What it shows. */
  readonly layers: number;
  readonly heads: number;
  readonly headSize: number;
}

/** Pixels between heads. */
const GAP = 2;
const PAPER = [255, 255, 255];
const ZERO = [247, 245, 240];
const NEGATIVE = [43, 95, 158];
const POSITIVE = [180, 83, 31];

/**
 * A saved state as a picture: a square per head, a row per layer, a pixel per value; blue is below zero, orange above.
 * Each layer has its scale, because layers differ by orders of magnitude.
 * @throws WkvError `bad-state` for anything but a saved state of RWKV-5 to 7, and the errors of opening a model
 */
export async function statePicture(path: string): Promise<Picture> {
  const file = await openSource(path);
  try {
    const { tensors } = await openCheckpoint(file);
    return await draw(headsOf([...tensors.values()], path));
  } finally {
    await file.close();
  }
}

/** The recurrence's values of each layer, [heads, n, n]. */
function headsOf(tensors: readonly Tensor[], path: string): Tensor[] {
  const states = tensors.filter(({ name }) => name.endsWith(".att.state"));
  const [heads = 0, n = 0, m] = states[0]?.shape ?? [];
  const isState = ({ dtype, shape }: Tensor) => dtype === "F32" && String(shape) === String([heads, n, n]);
  if (states.length > 0 && n === m && heads * n > 0 && states.every(isState)) return states;
  throw new WkvError(
    "bad-state",
    `${path} is not a saved state of RWKV-5, 6 or 7: give a file written by --state-out or session.saveFile().`,
  );
}

async function draw(states: readonly Tensor[]): Promise<Picture> {
  const [heads = 0, n = 0] = states[0]?.shape ?? [];
  const [width, height] = [heads, states.length].map((count) => count * (n + GAP) - GAP) as [number, number];
  const pixels = new Uint8Array(width * height * 3).fill(PAPER[0]!);
  for (const [layer, state] of states.entries()) {
    const values = new Float32Array(heads * n * n);
    await state.read(new Uint8Array(values.buffer), 0);
    const scale = 3 * Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    for (const [i, value] of values.entries()) {
      const x = Math.floor(i / (n * n)) * (n + GAP) + (i % n);
      const y = layer * (n + GAP) + (Math.floor(i / n) % n);
      pixels.set(colourOf(scale > 0 ? value / scale : 0), (y * width + x) * 3);
    }
  }
  return { width, height, pixels, layers: states.length, heads, headSize: n };
}

/** @param share from -1 to 1; values beyond are clamped */
function colourOf(share: number): number[] {
  const end = share < 0 ? NEGATIVE : POSITIVE;
  const strength = Math.min(1, Math.abs(share)) ** 0.7;
  return ZERO.map((value, i) => Math.round(value + (end[i]! - value) * strength));
}
