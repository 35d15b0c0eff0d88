import { readBytes, type Source } from "../source/source.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { type PickleHost, unpickle } from "./pickle.ts";
import { PickleCutOff } from "./pickle-bytes.ts";
import { type Extent, extentOf } from "./stored.ts";
import { TorchPickle, type TorchStorage, torchCheckpoint } from "./torch.ts";

/** The magic number: the only content of a legacy file's first pickle. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** Pickles do not state their length: this many bytes are tried first, and more while the pickle is cut off. */
const FIRST_PIECE = 1024;
const MAX_PICKLE_BYTES = 16 * 2 ** 20;

/** Whether these first bytes of a file are the pickled magic number, whatever the pickle's protocol. */
export function isLegacyPth(head: Uint8Array): boolean {
  try {
    return unpickle(head.slice(0, 64), plainHost("")).value === MAGIC;
  } catch {
    return false;
  }
}

/**
 * A `.pth` file as torch wrote it before 1.6, or with `_use_new_zipfile_serialization=False`: five pickles (magic
 * number, protocol, machine, state dict, list of storage keys), then each key's storage: its length as int64 and its
 * values.
 * @throws WkvError `bad-file` for damaged or hostile files, `unsupported-model` for anything but a state dict
 */
export async function openLegacyPth(source: Source): Promise<Checkpoint> {
  const plain = plainHost(source.name);
  const torch = new TorchPickle(source.name);
  const magic = await readPickle(source, 0, plain);
  const protocol = await readPickle(source, magic.end, plain);
  const machine = await readPickle(source, protocol.end, plain);
  checkHeader(source.name, magic.value, protocol.value, machine.value);
  const root = await readPickle(source, machine.end, torch);
  const keys = await readPickle(source, root.end, plain);
  const extents = await locateStorages(source, keys.value, keys.end, torch.storages);
  return torchCheckpoint(root.value, source.name, (storage) => {
    const extent = extents.get(storage);
    if (!extent) throw damaged(source.name, `storage ${quoted(storage.key)} is not in the file: fetch it again.`);
    return extent;
  });
}

function checkHeader(file: string, magic: unknown, protocol: unknown, machine: unknown): void {
  if (magic !== MAGIC || protocol !== PROTOCOL || !(machine instanceof Map))
    throw damaged(file, "unknown torch header: save the model again with a newer torch.");
  if (machine.get("little_endian") !== true)
    throw damaged(file, "not little-endian: save the model again on a little-endian machine.");
}

/** Walks from one storage's length to the next: their offsets are not stored anywhere else. */
async function locateStorages(
  source: Source,
  keys: unknown,
  at: number,
  storages: ReadonlyMap<string, TorchStorage>,
): Promise<Map<TorchStorage, Extent>> {
  const extents = new Map<TorchStorage, Extent>();
  if (!Array.isArray(keys)) throw damaged(source.name, "the list of storages is missing: fetch the file again.");
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || extents.has(storage))
      throw damaged(source.name, "the list of storages does not match the tensors: fetch the file again.");
    const length = new DataView((await readBytes(source, at, 8)).buffer).getBigInt64(0, true);
    if (length !== BigInt(storage.length))
      throw damaged(
        source.name,
        `storage ${quoted(storage.key)} at byte ${at} has ${length} values, expected ${storage.length}: fetch the file again.`,
      );
    extents.set(storage, extentOf(source, at + 8, storage.size));
    at += 8 + storage.size;
  }
  return extents;
}

/** One pickle at a byte of the source; `end` counts from the source's start. */
async function readPickle(source: Source, start: number, host: PickleHost): Promise<{ value: unknown; end: number }> {
  const longest = Math.min(source.size - start, MAX_PICKLE_BYTES);
  for (let length = Math.min(FIRST_PIECE, longest); ; length = Math.min(4 * length, longest)) {
    try {
      const { value, end } = unpickle(await readBytes(source, start, length), host);
      return { value, end: start + end };
    } catch (error) {
      if (!(error instanceof PickleCutOff) || length === longest) throw error;
    }
  }
}

/** For pickles of plain values only. */
function plainHost(file: string): PickleHost {
  return {
    file,
    global: () => undefined,
    persistent: () => {
      throw damaged(file, "a storage is referenced outside the state dict: fetch the file again.");
    },
  };
}
