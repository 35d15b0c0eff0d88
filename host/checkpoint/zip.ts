import { checkRange, readBytes, type Source } from "../source/source.ts";
import { damaged, quoted } from "./damage.ts";
import { type Extent, extentOf } from "./stored.ts";

/** One file in a zip archive, as its central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  /** 0 is stored; anything else is compressed. */
  readonly method: number;
  readonly encrypted: boolean;
  /** Bytes in the archive and bytes when unpacked; equal for stored entries. */
  readonly packedSize: number;
  readonly size: number;
  /** Where the entry's local header starts. */
  readonly headerAt: number;
}

/** Limits for the directory: models have a few thousand entries of about 80 bytes. */
const MAX_DIRECTORY_BYTES = 16 * 2 ** 20;
const MAX_ENTRIES = 100_000;

const SIGNATURE = {
  localHeader: 0x04034b50,
  entry: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
};
const END_BYTES = 22;
const LOCATOR64_BYTES = 20;
const ENTRY_BYTES = 46;
const LOCAL_HEADER_BYTES = 30;
const MAX_COMMENT_BYTES = 0xffff;

const CUT_OFF = "the file is truncated or damaged; fetch it again.";

/**
 * Reads the central directory at the archive's end. Names are labels only: nothing is ever written to a path.
 * @throws WkvError `bad-file` if the directory is missing or contradicts itself or the file's size
 */
export async function readZipDirectory(source: Source): Promise<ReadonlyMap<string, ZipEntry>> {
  const { start, size } = await findDirectory(source);
  if (size > MAX_DIRECTORY_BYTES)
    throw damaged(source.name, `a zip directory of ${size} bytes is too large for a model; ${CUT_OFF}`);
  const directory = await readBytes(source, start, size);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at < directory.length; ) {
    const { entry, next } = parseEntry(directory, at, source.name);
    if (entries.has(entry.name))
      throw damaged(source.name, `two zip entries are named ${quoted(entry.name)}; save the model again.`);
    if (entries.size >= MAX_ENTRIES) throw damaged(source.name, `more than ${MAX_ENTRIES} zip entries; ${CUT_OFF}`);
    if (!(entry.headerAt + LOCAL_HEADER_BYTES + entry.packedSize <= start))
      throw damaged(source.name, `the zip entry ${quoted(entry.name)} runs into the archive's directory; ${CUT_OFF}`);
    entries.set(entry.name, entry);
    at = next;
  }
  return entries;
}

/**
 * The bytes of a stored entry. Its local header is read on first use, since only it says where they start.
 * @throws WkvError `bad-file` if the entry is compressed or encrypted
 */
export function zipExtent(source: Source, entry: ZipEntry): Extent {
  if (entry.encrypted || entry.method !== 0 || entry.packedSize !== entry.size)
    throw damaged(
      source.name,
      `the zip entry ${quoted(entry.name)} is ${entry.encrypted ? "encrypted" : "compressed"}, ` +
        "which torch.save never does: unpack the archive and save the model again with torch.save.",
    );
  let located: Promise<Extent> | undefined;
  return {
    size: entry.size,
    async read(target, offset) {
      checkRange(`${source.name}, zip entry ${quoted(entry.name)},`, entry.size, offset, target.length);
      const extent = await (located ??= locate(source, entry).catch((error) => {
        located = undefined; // a failed read may succeed the next time
        throw error;
      }));
      await extent.read(target, offset);
    },
  };
}

async function locate(source: Source, entry: ZipEntry): Promise<Extent> {
  const header = viewOf(await readBytes(source, entry.headerAt, LOCAL_HEADER_BYTES));
  if (header.getUint32(0, true) !== SIGNATURE.localHeader)
    throw damaged(
      source.name,
      `no zip entry starts at byte ${entry.headerAt}, where ${quoted(entry.name)} should; ${CUT_OFF}`,
    );
  const start = entry.headerAt + LOCAL_HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
  return extentOf(source, start, entry.size);
}

/** Where the central directory is, according to the end record, or its 64-bit twin if a number does not fit. */
async function findDirectory(source: Source): Promise<{ start: number; size: number }> {
  const tailStart = Math.max(0, source.size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = viewOf(await readBytes(source, tailStart, source.size - tailStart));
  const at = findEnd(tail);
  if (at === undefined) throw damaged(source.name, `the end of the zip archive is missing; ${CUT_OFF}`);
  const size = tail.getUint32(at + 12, true);
  const start = tail.getUint32(at + 16, true);
  if (size !== 0xffffffff && start !== 0xffffffff) return { start, size };
  return findDirectory64(source, tailStart + at - LOCATOR64_BYTES);
}

function findEnd(tail: DataView): number | undefined {
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--)
    if (tail.getUint32(at, true) === SIGNATURE.end && at + END_BYTES + tail.getUint16(at + 20, true) <= tail.byteLength)
      return at;
  return undefined;
}

async function findDirectory64(source: Source, locatorAt: number): Promise<{ start: number; size: number }> {
  const locator = viewOf(await readBytes(source, locatorAt, LOCATOR64_BYTES));
  if (locator.getUint32(0, true) !== SIGNATURE.locator64)
    throw damaged(source.name, `no zip64 locator at byte ${locatorAt}; ${CUT_OFF}`);
  const endAt = u64(locator, 8);
  const end = viewOf(await readBytes(source, endAt, 56));
  if (end.getUint32(0, true) !== SIGNATURE.end64)
    throw damaged(source.name, `no zip64 end record at byte ${endAt}; ${CUT_OFF}`);
  return { size: u64(end, 40), start: u64(end, 48) };
}

function parseEntry(directory: Uint8Array, at: number, file: string): { entry: ZipEntry; next: number } {
  const view = viewOf(directory);
  const variableAt = at + ENTRY_BYTES;
  if (variableAt > directory.length || view.getUint32(at, true) !== SIGNATURE.entry)
    throw damaged(file, `the zip directory is cut off after ${at} of ${directory.length} bytes; ${CUT_OFF}`);
  const extraAt = variableAt + view.getUint16(at + 28, true);
  const commentAt = extraAt + view.getUint16(at + 30, true);
  const next = commentAt + view.getUint16(at + 32, true);
  if (next > directory.length) throw damaged(file, `a zip entry runs past the directory's end; ${CUT_OFF}`);
  const name = new TextDecoder().decode(directory.subarray(variableAt, extraAt));
  const wide = wideFields(new DataView(view.buffer, view.byteOffset + extraAt, commentAt - extraAt));
  // The 64-bit field has only the numbers that are all ones here, in this order.
  const widen = (narrow: number) => (narrow === 0xffffffff ? (wide.shift() ?? narrow) : narrow);
  const size = widen(view.getUint32(at + 24, true));
  const packedSize = widen(view.getUint32(at + 20, true));
  const headerAt = widen(view.getUint32(at + 42, true));
  const encrypted = (view.getUint16(at + 8, true) & 1) !== 0;
  return { entry: { name, method: view.getUint16(at + 10, true), encrypted, packedSize, size, headerAt }, next };
}

/** The numbers of the zip64 extra field (id 1), if there is one. */
function wideFields(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === 1) {
      const numbers: number[] = [];
      for (let field = at + 4; field + 8 <= Math.min(end, extra.byteLength); field += 8)
        numbers.push(u64(extra, field));
      return numbers;
    }
    at = end;
  }
  return [];
}

/** Numbers beyond 2^53 lose digits, but stay far beyond the end of any file, where the range checks catch them. */
function u64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
