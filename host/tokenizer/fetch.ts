import { WkvError } from "../errors.ts";
import { request } from "../source/net/request.ts";

/** A vocabulary is a megabyte or two. Whatever is far larger is something else, a model perhaps. */
export const MAX_VOCAB_BYTES = 64 << 20;

/**
 * The whole answer to a GET, in memory.
 * @throws WkvError `not-found` or `network` when the address does not answer with a file, `bad-vocab` when it is too large;
 *   the signal's reason when aborted
 */
export async function fetchBytes(url: URL, signal?: AbortSignal): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const answer = await request(url, { signal });
  for await (const piece of answer.body()) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_VOCAB_BYTES)
      throw new WkvError("bad-vocab", `${url.href} is larger than ${MAX_VOCAB_BYTES} bytes: that is no vocabulary.`);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
