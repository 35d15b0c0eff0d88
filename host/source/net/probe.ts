import { shown } from "./address.ts";
import type { RemoteFile } from "./remote-file.ts";
import { type Answer, request, TransientError } from "./request.ts";
import type { RetryControl } from "./retry.ts";

/** What the first request for a file reveals. */
export interface Probe {
  readonly size: number | undefined;
  /** The server's identifier for this version of the file; undefined if it gives none. */
  readonly version: string | undefined;
  /** A response with the whole file, from a server without range support. */
  readonly whole?: Answer;
}

/**
 * Requests one byte; the response gives the size, the version, and whether the server supports ranges. An empty file
 * has none.
 */
export async function probeFile({ url, token }: RemoteFile, { signal, stallAfter }: RetryControl): Promise<Probe> {
  const first = await request(url, { range: { first: 0, end: 1 }, token, signal, stallAfter });
  if (first.status === 200) return wholeProbe(first);
  first.cancel();
  const size = rangeOf(first)?.total;
  const version = versionOf(first);
  if (first.status === 206 && !isEncoded(first) && size !== undefined && version !== undefined)
    return { size, version };
  return wholeProbe(await request(url, { token, signal, stallAfter }));
}

function wholeProbe(whole: Answer): Probe {
  const length = Number(whole.headers.get("content-length") ?? Number.NaN);
  return { size: isEncoded(whole) || Number.isNaN(length) ? undefined : length, version: undefined, whole };
}

/** Compressed in transit: length and ranges are not those of the file. */
export function isEncoded({ headers }: Answer): boolean {
  return !/^(identity)?$/.test(headers.get("content-encoding") ?? "");
}

export function versionOf({ headers }: Answer): string | undefined {
  return headers.get("etag") ?? headers.get("last-modified") ?? undefined;
}

/** The bytes [first, end) of a response, possibly fewer than requested, and the size of the file. */
export function rangeOf({ headers }: Answer): { first: number; end: number; total: number } | undefined {
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  return total === undefined ? undefined : { first: Number(first), end: Number(last) + 1, total: Number(total) };
}

export function wrongLength({ url }: RemoteFile, got: number, expected: number): TransientError {
  return new TransientError(`${shown(url)} sent ${got} bytes instead of ${expected}: try again later.`);
}
