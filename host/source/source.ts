import { WkvError } from "../errors.ts";

/** Random access to bytes: a file, a blob, an array in memory, or what a caller supplies. */
export interface Source {
  /** For messages: a path or an address. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /**
   * Fills `target` (which may be a view of shared memory) from byte `offset` on.
   * @throws WkvError `bad-file` when the source ends before `target` is full
   */
  read(target: Uint8Array, offset: number): Promise<void>;
  /** Closes what was opened beside it as well. */
  close(): Promise<void>;
  /**
   * Opens the file of this name that lies beside this one: another part of the same model. Missing where a source has no
   * place, such as bytes in memory. The name has been checked: it is a plain file name.
   * @throws WkvError `not-found`
   */
  beside?(name: string): Promise<Source>;
}

/** What a caller may hand to `loadModel` beside paths and URLs. */
export interface CustomSource {
  size: number;
  read(offset: number, length: number): Promise<Uint8Array> | Uint8Array;
}

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

/** Reads `length` bytes into a fresh array. */
export async function readBytes(source: Source, offset: number, length: number): Promise<Uint8Array> {
  checkRange(source.name, source.size, offset, length);
  const target = new Uint8Array(length);
  await source.read(target, offset);
  return target;
}

/** Every read passes here first, so that no size in a file can ask for memory that the file does not fill. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw new WkvError(
      "bad-file",
      `${name} ends at byte ${size}, but bytes ${offset} to ${offset + length} are needed: ` +
        "the file is cut off or damaged; fetch it again.",
    );
}
