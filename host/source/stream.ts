/** Bytes taken from a stream at a time. */
const PIECE = 64 << 10;
/** Buffers that no stream uses now. */
const spare: ArrayBuffer[] = [];

/**
 * Fills `target` from a stream. Where the runtime can, all pieces come in one buffer: garbage counts in an isolate of
 * 128 MB, and reading 100 MB left up to 64 MB of it.
 * @returns how many bytes came; a stream with more than `target` takes is left when that is seen
 */
export async function fillFrom(stream: ReadableStream<Uint8Array>, target: Uint8Array): Promise<number> {
  let at = 0;
  const put = (piece: Uint8Array) => {
    if (at + piece.length <= target.length) target.set(piece, at);
    at += piece.length;
    return at <= target.length;
  };
  const bytes = byteReader(stream);
  const reader = bytes ?? stream.getReader();
  if (!(bytes ? await readBytes(bytes, put) : await readPieces(reader as PieceReader, put)))
    reader.cancel().catch(() => {}); // its end is of no interest
  return at;
}

type PieceReader = ReadableStreamDefaultReader<Uint8Array>;
/** Takes a piece. @returns whether more is wanted */
type Put = (piece: Uint8Array) => boolean;

/** @returns whether the stream ended */
async function readBytes(reader: ReadableStreamBYOBReader, put: Put): Promise<boolean> {
  let buffer = spare.pop() ?? new ArrayBuffer(PIECE);
  let isWanted = true;
  while (isWanted) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (value) buffer = value.buffer; // it was lent, and is the same memory
    if (done || !value) break;
    isWanted = put(value);
  }
  if (buffer.byteLength > 0) spare.push(buffer);
  return isWanted;
}

/** @returns whether the stream ended */
async function readPieces(reader: PieceReader, put: Put): Promise<boolean> {
  for (let next = await reader.read(); !next.done; next = await reader.read()) if (!put(next.value)) return false;
  return true;
}

function byteReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined; // not a stream of bytes, or an older browser
  }
}
