/** Bytes taken from a stream at a time. */
const PIECE = 64 << 10;
/** Buffers that no stream uses now. */
const spare: ArrayBuffer[] = [];

/**
 * Fills `target` from a stream. Where the runtime can, all pieces come in one buffer: garbage counts in an isolate of
 * 128 MB, and reading 100 MB left up to 64 MB of it.
 * @returns how many bytes came; those beyond `target` are only counted
 */
export async function fillFrom(stream: ReadableStream<Uint8Array>, target: Uint8Array): Promise<number> {
  let at = 0;
  const put = (piece: Uint8Array) => {
    if (at + piece.length <= target.length) target.set(piece, at);
    at += piece.length;
  };
  const bytes = byteReader(stream);
  if (bytes) await readBytes(bytes, put);
  else await readPieces(stream.getReader(), put);
  return at;
}

async function readBytes(reader: ReadableStreamBYOBReader, put: (piece: Uint8Array) => void): Promise<void> {
  let buffer = spare.pop() ?? new ArrayBuffer(PIECE);
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (value) buffer = value.buffer; // it was lent, and is the same memory
    if (done || !value) break;
    put(value);
  }
  if (buffer.byteLength > 0) spare.push(buffer);
}

async function readPieces(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  put: (piece: Uint8Array) => void,
): Promise<void> {
  for (let next = await reader.read(); !next.done; next = await reader.read()) put(next.value);
}

function byteReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined; // not a stream of bytes, or an older browser
  }
}
