import { WkvError } from "../errors.ts";

/** A vocabulary is a megabyte or two. Whatever is far larger is something else, a model perhaps. */
export const MAX_VOCAB_BYTES = 64 << 20;

/**
 * The whole answer to a GET.
 * @throws WkvError `not-found` when the address does not answer with a file, `bad-vocab` when it is too large;
 *   the signal's reason when aborted
 */
export async function fetchBytes(url: string, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    const response = await fetch(url, { signal: signal ?? null });
    if (!response.ok) throw new WkvError("not-found", `${url} answers ${response.status}: check the address.`);
    return await readBody(response, url);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof WkvError) throw error;
    // undici says "fetch failed" and keeps the reason in the cause.
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message ? cause.message : message;
    throw new WkvError("not-found", `${url} cannot be fetched (${reason}): check the address and the network.`, {
      cause: error,
    });
  }
}

async function readBody(response: Response, url: string): Promise<Uint8Array> {
  if (!response.body) return new Uint8Array(0);
  const pieces: Uint8Array[] = [];
  let length = 0;
  // Not `for await`: Safari cannot iterate over a stream.
  const reader = response.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
    length += next.value.length;
    if (length > MAX_VOCAB_BYTES) {
      await reader.cancel();
      throw new WkvError("bad-vocab", `${url} is larger than ${MAX_VOCAB_BYTES} bytes: that is no vocabulary.`);
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
