import { WkvError } from "../errors.ts";
import { fillFrom } from "./stream.ts";

/** Random access to bytes: a file, a blob, an array in memory, or a custom source. */
export interface Source {
  /** For messages: a path or an address. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /**
   * Fills `target` (which may be a view of shared memory) from byte `offset` on.
   * @throws WkvError `bad-file` if the source ends before `target` is full
   */
  read(target: Uint8Array, offset: number): Promise<void>;
  /** Also closes everything opened through `beside`. */
  close(): Promise<void>;
  /**
   * Opens another file of the same folder or repository. Absent if there is none, as for bytes in memory.
   * @param name a plain file name
   * @throws WkvError `not-found`
   */
  beside?(name: string): Promise<Source>;
}

/** What `loadModel` takes besides paths, addresses and bytes. */
export interface CustomSource {
  size: number;
  /** Exactly these bytes, or a stream of them, which leaves less garbage: see docs/runtimes.md, "Cloudflare Workers". */
  read(offset: number, length: number): Promise<Bytes> | Bytes;
}

type Bytes = Uint8Array | ReadableStream<Uint8Array>;

/** The bytes of an array in memory. */
export function bytesSource(bytes: Uint8Array, name = "bytes in memory"): Source {
  return {
    name,
    size: bytes.length,
    async read(target, offset) {
      checkRange(name, bytes.length, offset, target.length);
      target.set(bytes.subarray(offset, offset + target.length));
    },
    async close() {},
  };
}

/** The bytes of a Blob, read on demand. */
export function blobSource(blob: Blob, name: string, beside?: Source["beside"]): Source {
  const read = async (at: number, length: number) => new Uint8Array(await blob.slice(at, at + length).arrayBuffer());
  return { ...customSource({ size: blob.size, read }, name), ...(beside && { beside }) };
}

export function customSource(source: CustomSource, name: string): Source {
  const { size } = source;
  return {
    name,
    size,
    async read(target, offset) {
      checkRange(name, size, offset, target.length);
      const bytes = await source.read(offset, target.length);
      const got = bytes instanceof Uint8Array ? bytes.length : await fillFrom(bytes, target);
      if (got !== target.length)
        throw new WkvError("bad-file", `${name}: read(${offset}, ${target.length}) returned ${got} bytes.`);
      if (bytes instanceof Uint8Array) target.set(bytes);
    },
    async close() {},
  };
}

/**
 * The content of a small file next to a source.
 * @returns undefined if it is missing, unreadable or longer than `maxBytes`
 * @throws WkvError `network`; the signal's reason
 */
export async function readBeside(source: Source, name: string, maxBytes: number): Promise<Uint8Array | undefined> {
  let file: Source | undefined;
  try {
    file = await source.beside?.(name);
    return file && file.size <= maxBytes ? await readBytes(file, 0, file.size) : undefined;
  } catch (error) {
    if (error instanceof WkvError && error.code !== "network") return undefined;
    throw error;
  } finally {
    await file?.close();
  }
}

/** Reads `length` bytes into a fresh array. */
export async function readBytes(source: Source, offset: number, length: number): Promise<Uint8Array> {
  checkRange(source.name, source.size, offset, length);
  const target = new Uint8Array(length);
  await source.read(target, offset);
  return target;
}

/** Checked before every read, so that no size in a file makes us allocate more than the file has. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw new WkvError(
      "bad-file",
      `${name} ends at byte ${size}, but bytes ${offset} to ${offset + length} are needed: ` +
        "the file is truncated or damaged; fetch it again.",
    );
}
