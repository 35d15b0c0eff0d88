import type { PackedWeights } from "../checkpoint/checkpoint.ts";
import { damaged } from "../checkpoint/damage.ts";
import type { Engine } from "../engine/engine.ts";
import { layOut, type Plan } from "../engine/plan.ts";
import type { Recipe } from "../models/recipe.ts";
import type { LoadControl } from "../source/progress.ts";
import { fillSlots } from "./loader.ts";
import { allEntries } from "./slices.ts";

/** Bytes of packed weights per read, and reads in flight. */
const PACKED_READ = 4 << 20;
const PACKED_READS = 3;

/**
 * Reads packed weights: one range of the file, straight to its address, with several reads in flight.
 * @throws WkvError `bad-file` if the file's weights are not where this engine keeps them
 */
export async function loadPacked(
  packed: PackedWeights,
  recipe: Recipe,
  plan: Plan,
  engine: Engine,
  { onProgress, signal }: LoadControl,
  file: string,
): Promise<void> {
  const skipped = checkRanges(packed, recipe, plan, file);
  fillSlots(recipe, plan, engine);
  const { size } = packed;
  const total = size - skipped.bytes;
  let next = skipped.bytes;
  let loaded = 0;
  const readPart = async () => {
    signal?.throwIfAborted();
    const from = next;
    next = Math.min(size, from + PACKED_READ);
    const length = next - from;
    await engine.memory.fill(skipped.to + from - skipped.bytes, length, (target) => packed.read(target, from));
    loaded += length;
    onProgress?.({ loaded, total });
  };
  const lane = async () => {
    try {
      while (next < size) await readPart();
    } finally {
      next = size; // a lane that fails leaves nothing for the others
    }
  };
  const done = await Promise.allSettled(Array.from({ length: PACKED_READS }, lane));
  for (const result of done) if (result.status === "rejected") throw result.reason;
}

/**
 * Every weight must begin and end where the plan has it.
 * @returns the bytes of the embedding, which come first, where it is not loaded; and where what follows them begins
 */
function checkRanges(packed: PackedWeights, recipe: Recipe, plan: Plan, file: string): { bytes: number; to: number } {
  const { addresses, firstWeight } = plan;
  // The file is as if all were in memory.
  const { weightBytes, ...whole } =
    plan.embedding === "source" ? layOut(recipe, { ...plan, embedding: "memory" }) : plan;
  const entries = allEntries(recipe);
  const begins = entries.map((entry) => (whole.addresses.get(entry) ?? 0) - whole.firstWeight);
  for (const [i, { weight }] of entries.entries()) {
    const range = packed.ranges.get(weight.name);
    if (range?.begin !== begins[i] || range?.end !== (begins[i + 1] ?? weightBytes))
      throw damaged(
        file,
        `${weight.name} is not where its shape requires; run wkv convert on the original model again.`,
      );
  }
  const [table, second] = entries;
  if (plan.embedding === "memory" || table?.kind !== "table") return { bytes: 0, to: firstWeight };
  return { bytes: begins[1] ?? weightBytes, to: (second && addresses.get(second)) ?? firstWeight };
}
