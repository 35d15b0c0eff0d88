import { WkvError } from "../errors.ts";
import { readBytes, type Source } from "../source/source.ts";
import type { Checkpoint, Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { parseJsonObject } from "./json.ts";
import { MAX_PARTS, openPart } from "./parts.ts";
import { addTensor, MAX_TENSORS } from "./stored.ts";

/** Indexes take about 100 bytes per tensor. */
const MAX_INDEX_BYTES = 8 * 2 ** 20;

/** Whether a JSON file is small enough to be an index. */
export function mayBeIndex({ size }: Source): boolean {
  return size <= MAX_INDEX_BYTES;
}

/**
 * A model in several files, by its index: `model.safetensors.index.json` or `pytorch_model.bin.index.json`, whose
 * `weight_map` gives each tensor's file. The files are next to the index.
 * @param openShard opens one of them
 * @returns undefined if the JSON is not an index
 * @throws WkvError `bad-file` if a file or tensor is missing, or a tensor appears twice
 */
export async function openSharded(
  source: Source,
  openShard: (shard: Source) => Promise<Checkpoint>,
): Promise<Checkpoint | undefined> {
  const map = parseIndex(await readBytes(source, 0, source.size));
  if (!map) return undefined;
  const files = shardNames(map, source.name);
  const tensors = new Map<string, Tensor>();
  const skipped = new Map<string, string>();
  const parts: { name: string; size: number }[] = [];
  let format: Checkpoint["format"] = "safetensors";
  for (const name of files) {
    const shard = await openPart(source, name);
    const checkpoint = await openShard(shard);
    for (const tensor of checkpoint.tensors.values()) addTensor(tensors, tensor, source.name);
    for (const [entry, what] of checkpoint.skipped ?? []) skipped.set(entry, what);
    parts.push({ name, size: shard.size });
    format = checkpoint.format;
  }
  for (const [name, file] of map) {
    if (tensors.has(name) || skipped.has(name)) continue;
    throw damaged(
      source.name,
      `it says that tensor ${quoted(name)} is in ${quoted(String(file))}, but it is not: fetch both again.`,
    );
  }
  return { format, tensors, skipped, parts };
}

/** The file of each tensor, or undefined if this is not an index. */
function parseIndex(bytes: Uint8Array): [string, unknown][] | undefined {
  const { weight_map: map } = (parseJsonObject(bytes) ?? {}) as { weight_map?: unknown };
  return map !== null && typeof map === "object" ? Object.entries(map) : undefined;
}

function shardNames(map: readonly [string, unknown][], file: string): string[] {
  const names = new Set<string>();
  for (const [tensor, name] of map) {
    if (typeof name !== "string")
      throw damaged(file, `its entry for tensor ${quoted(tensor)} is not a file name: fetch it again.`);
    names.add(name);
  }
  if (map.length > MAX_TENSORS || names.size > MAX_PARTS)
    throw damaged(
      file,
      `it lists ${map.length} tensors in ${names.size} files, more than any model has: fetch it again.`,
    );
  if (names.size === 0) throw new WkvError("unsupported-model", `${file} is the index of a model without tensors.`);
  return [...names].sort();
}
