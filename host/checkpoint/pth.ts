import { WkvError } from "../errors.ts";
import type { Source } from "../source/source.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { unpickle } from "./pickle.ts";
import type { Extent } from "./stored.ts";
import { TorchPickle, type TorchStorage, torchCheckpoint } from "./torch.ts";
import { readZipDirectory, type ZipEntry, zipExtent } from "./zip.ts";

/** The pickle of a large model takes about 400 KB. */
const MAX_PICKLE_BYTES = 16 * 2 ** 20;

/**
 * A `.pth` file as torch has written it since 1.6: a zip archive with one folder of any name, containing `data.pkl`,
 * which names the tensors, and `data/KEY` for each storage. Other entries are ignored.
 * @throws WkvError `bad-file` for damaged, compressed or hostile files, `unsupported-model` for anything but a state
 *   dict
 */
export async function openPth(source: Source): Promise<Checkpoint> {
  const entries = await readZipDirectory(source);
  const folder = findFolder(entries, source.name);
  await checkByteOrder(source, entries.get(`${folder}byteorder`));
  const pickle = await readEntry(source, entries.get(`${folder}data.pkl`)!, MAX_PICKLE_BYTES);
  const { value } = unpickle(pickle, new TorchPickle(source.name));
  const extents = new Map<string, Extent>();
  return torchCheckpoint(value, source.name, (storage) => {
    const extent =
      extents.get(storage.key) ?? storageExtent(source, entries.get(`${folder}data/${storage.key}`), storage);
    extents.set(storage.key, extent);
    return extent;
  });
}

function storageExtent(source: Source, entry: ZipEntry | undefined, storage: TorchStorage): Extent {
  const label = `storage ${quoted(storage.key)}`;
  if (!entry) throw damaged(source.name, `${label} is not in the archive: fetch the file again.`);
  if (entry.size < storage.size)
    throw damaged(source.name, `${label} has ${entry.size} bytes, expected ${storage.size}: fetch the file again.`);
  return zipExtent(source, entry);
}

/** The folder with `data.pkl`, including its slash. */
function findFolder(entries: ReadonlyMap<string, ZipEntry>, file: string): string {
  const pickles = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  const names = [...entries.keys()];
  if (pickles.length > 1)
    throw damaged(file, `${pickles.length} folders with a data.pkl: save the model again with torch.save.`);
  const folder = pickles[0]?.slice(0, -"data.pkl".length);
  if (folder === undefined) throw notTorch(names, file);
  // TorchScript: the tensors' names are only known by running its code.
  if (names.includes(`${folder}constants.pkl`))
    throw new WkvError(
      "unknown-format",
      `${file} is a TorchScript program: save its weights with torch.save(model.state_dict(), PATH).`,
    );
  return folder;
}

function notTorch(names: string[], file: string): WkvError {
  const some = names.slice(0, 4).map(quoted).join(", ");
  return new WkvError(
    "unknown-format",
    `${file} is a zip archive, but not one of torch.save (it has no FOLDER/data.pkl): it contains ${some || "nothing"}. ` +
      "If the model file is inside, unpack it first.",
  );
}

async function checkByteOrder(source: Source, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return; // torch wrote none before 2.1, and was little-endian only
  const order = new TextDecoder().decode(await readEntry(source, entry, 16));
  if (order !== "little")
    throw damaged(source.name, `its byte order is ${quoted(order)}: save the model again on a little-endian machine.`);
}

async function readEntry(source: Source, entry: ZipEntry, limit: number): Promise<Uint8Array> {
  if (entry.size > limit)
    throw damaged(
      source.name,
      `the zip entry ${quoted(entry.name)} has ${entry.size} bytes; no model needs more than ${limit}.`,
    );
  const bytes = new Uint8Array(entry.size);
  await zipExtent(source, entry).read(bytes, 0);
  return bytes;
}
