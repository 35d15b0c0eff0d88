import { request } from "./request.ts";

/**
 * The whole response to a GET, in memory.
 * @returns undefined if it is longer than `maxBytes`
 * @throws WkvError `not-found` or `network` if the address does not serve a file; the signal's reason
 */
export async function fetchBytes(url: URL, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const answer = await request(url, { signal });
  for await (const piece of answer.body()) {
    pieces.push(piece as Uint8Array<ArrayBuffer>);
    length += piece.length;
    if (length > maxBytes) return undefined;
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
