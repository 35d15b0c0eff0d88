import { freemem } from "node:os";
import type { WeightFormat } from "../checkpoint/weight-formats.ts";
import { type PublishedMemory, publishedMemory } from "../inspect/published-memory.ts";
import type { CataloguedModel } from "./catalogue.ts";

/** What a catalogued model takes. Bytes. */
export interface Needs {
  /** About, of the download. */
  readonly download: number;
  readonly memory: Readonly<Record<WeightFormat, { total: number; fits: boolean }>>;
}

/** Buffers of threads are small, and the numbers should be the same on every machine. */
const THREADS = 4;
let published: ReadonlyMap<string, PublishedMemory> | undefined;

/** From the plan that loading makes for the model's shape. */
export function needsOf({ shape, bitsPerWeight }: CataloguedModel): Needs {
  published ??= new Map(publishedMemory(THREADS).map((each) => [each.name, each]));
  const found = published.get(shape) as PublishedMemory;
  return { download: (found.parameters * bitsPerWeight) / 8, memory: found.weights };
}

/** Bytes of memory that a model may take here now. */
export function freeMemory(): number {
  return process.availableMemory?.() ?? freemem(); // Node 20.13: with the limits of a container
}

/** The best format in which a model fits into `free` bytes: int8, or int4 at half the memory. */
export function fittingWeights({ memory }: Needs, free: number): WeightFormat | undefined {
  return (["int8", "int4"] as const).find((format) => memory[format].fits && memory[format].total <= free);
}
