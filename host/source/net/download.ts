import { WkvError } from "../../errors.ts";
import type { Folder, Part } from "../cache/store.ts";
import { shown } from "./address.ts";
import { isEncoded, type Probe, probeFile, rangeOf, versionOf, wrongLength } from "./probe.ts";
import type { RemoteFile } from "./remote-file.ts";
import { request } from "./request.ts";
import { type RetryControl, retry } from "./retry.ts";

export interface DownloadControl extends RetryControl {
  /** Bytes so far and in total; undefined if the server does not give the size. */
  readonly onBytes?: (loaded: number, total: number | undefined) => void;
  readonly onCheck?: (checked: number, total: number) => void;
  /** Bytes per range. An interrupted attempt loses at most the ranges in flight. Default: 16 MiB. */
  readonly chunkBytes?: number;
  /** Concurrent ranges. Default: 4. */
  readonly connections?: number;
}

const CHUNK_BYTES = 16 << 20;

/** The file on the server has changed since the first request. */
class RemoteChangedError extends Error {}

/**
 * Downloads a file into its folder: in parallel ranges if the server supports ranges and names its versions; bytes from
 * an earlier attempt are not fetched again. It becomes a file of the folder only once all bytes are present and match
 * what was published.
 * @returns its size
 * @throws WkvError `network`, `not-found` or `no-space`; the signal's reason
 */
export async function download(file: RemoteFile, folder: Folder, control: DownloadControl = {}): Promise<number> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await attempt(file, folder, control);
    } catch (error) {
      if (!(error instanceof RemoteChangedError)) throw error;
      if (restarts === 2) throw new WkvError("network", `${shown(file.url)} keeps changing: try again later.`);
    }
  }
}

async function attempt(file: RemoteFile, folder: Folder, control: DownloadControl): Promise<number> {
  // Only two tries, so that being offline is reported quickly.
  const probe = await retry({ ...control, tries: 2 }, () => probeFile(file, control));
  const { size } = probe;
  try {
    if (file.size !== undefined && size !== undefined && size !== file.size)
      throw new WkvError(
        "network",
        `${shown(file.url)} has ${size} bytes, but ${file.size} were published: try again later.`,
      );
    const identity = file.sha256 ?? probe.version;
    const part = await folder.begin(
      { path: file.path, size: file.size ?? size, chunkBytes: control.chunkBytes ?? CHUNK_BYTES },
      identity ?? crypto.randomUUID(),
      control.signal,
    );
    if (!part) return size ?? 0;
    return await fill(part, file, probe, folder, control);
  } finally {
    probe.whole?.cancel();
  }
}

/** Completes or releases a partial file, whatever happens. */
async function fill(
  part: Part,
  file: RemoteFile,
  probe: Probe,
  folder: Folder,
  control: DownloadControl,
): Promise<number> {
  try {
    const size = await (probe.whole || probe.size === undefined
      ? fetchWhole(part, file, probe, control)
      : fetchRanges(part, file, probe.size, probe.version, folder, control));
    await check(part, file, size, control);
    await part.commit(size);
    return size;
  } catch (error) {
    if (error instanceof RemoteChangedError || probe.version === undefined) await part.discard();
    else await part.release();
    throw error;
  }
}

/** As one response; if the connection breaks, it starts again. */
async function fetchWhole(part: Part, file: RemoteFile, probe: Probe, control: DownloadControl): Promise<number> {
  const { chunkBytes = CHUNK_BYTES } = control;
  let answer = probe.whole;
  const total = file.size ?? probe.size;
  return retry(control, async () => {
    await part.restart();
    const { url, token } = file;
    const current = answer ?? (await request(url, { token, signal: control.signal, stallAfter: control.stallAfter }));
    answer = undefined;
    let loaded = 0;
    let marked = 0;
    for await (const bytes of current.body()) {
      if (total !== undefined && loaded + bytes.length > total) throw wrongLength(file, loaded + bytes.length, total);
      await part.write(bytes, loaded);
      loaded += bytes.length;
      for (; (marked + 1) * chunkBytes <= loaded; marked++) await part.mark(marked);
      control.onBytes?.(loaded, total);
    }
    if (total !== undefined && loaded !== total) throw wrongLength(file, loaded, total);
    return loaded;
  });
}

async function fetchRanges(
  part: Part,
  file: RemoteFile,
  size: number,
  version: string | undefined,
  folder: Folder,
  control: DownloadControl,
): Promise<number> {
  const { chunkBytes = CHUNK_BYTES, connections = 4, onBytes } = control;
  control.signal?.throwIfAborted();
  await folder.checkSpace(size - part.done.size * chunkBytes); // first: an impossible size needs no list of ranges
  const chunks = Array.from({ length: Math.ceil(size / chunkBytes) }, (_, number) => {
    const first = number * chunkBytes;
    return { number, first, end: Math.min(size, first + chunkBytes) };
  });
  const missing = chunks.filter(({ number }) => !part.done.has(number));
  const left = missing.reduce((sum, { first, end }) => sum + end - first, 0);
  let loaded = size - left;
  onBytes?.(loaded, size);
  const abort = new AbortController(); // one failure ends the others
  const stop = () => abort.abort(control.signal?.reason);
  control.signal?.addEventListener("abort", stop);
  const range: RangeControl = {
    ...control,
    signal: abort.signal,
    version,
    size,
    onPiece: (bytes) => onBytes?.((loaded += bytes), size),
  };
  const worker = async () => {
    try {
      for (let chunk = missing.shift(); chunk; chunk = missing.shift()) {
        await fetchRange(part, file, chunk, range);
        await part.mark(chunk.number);
      }
    } catch (error) {
      abort.abort(error);
      throw error;
    }
  };
  try {
    await Promise.allSettled(Array.from({ length: connections }, worker));
    abort.signal.throwIfAborted();
  } finally {
    control.signal?.removeEventListener("abort", stop);
  }
  return size;
}

interface RangeControl extends DownloadControl {
  readonly version: string | undefined;
  readonly size: number;
  readonly onPiece: (bytes: number) => void;
}

/** Resumes where a connection broke, and immediately if a server sends shorter ranges than requested. */
async function fetchRange(
  part: Part,
  file: RemoteFile,
  { first, end }: { first: number; end: number },
  control: RangeControl,
): Promise<void> {
  let at = first;
  const write = async (bytes: Uint8Array) => {
    await part.write(bytes, at);
    at += bytes.length;
    control.onPiece(bytes.length);
  };
  await retry(control, async (progressed) => {
    while (at < end)
      await fetchSome(file, at, end, control, async (bytes) => {
        await write(bytes);
        progressed();
      });
  });
}

/** One request for bytes [at, end) of the version being downloaded. */
async function fetchSome(
  file: RemoteFile,
  at: number,
  end: number,
  { signal, stallAfter, version, size }: RangeControl,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const answer = await request(file.url, { range: { first: at, end }, token: file.token, signal, stallAfter });
  try {
    const range = rangeOf(answer);
    const isSame = range?.first === at && range.total === size && versionOf(answer) === version;
    if (answer.status !== 206 || isEncoded(answer) || !isSame) throw new RemoteChangedError();
    const expected = Math.min(range.end, end) - at;
    let got = 0;
    for await (const bytes of answer.body()) {
      if (got + bytes.length > expected) throw wrongLength(file, got + bytes.length, expected);
      await write(bytes);
      got += bytes.length;
    }
    if (got < expected || got === 0) throw wrongLength(file, got, expected);
  } finally {
    answer.cancel();
  }
}

/** @throws WkvError `network` if the bytes do not match the published checksum; they are then deleted */
async function check(
  part: Part,
  { sha256, url }: RemoteFile,
  size: number,
  { onCheck, signal }: DownloadControl,
): Promise<void> {
  if (sha256 === undefined) return;
  const actual = await part.sha256(size, (checked) => onCheck?.(checked, size), signal);
  if (actual === sha256) return;
  await part.restart();
  throw new WkvError(
    "network",
    `${shown(url)} sent bytes with SHA-256 ${actual}, but ${sha256} was published: try again.`,
  );
}
