import { WkvError } from "../../errors.ts";
import type { Folder, Part } from "../cache/store.ts";
import { type Answer, Passing, request } from "./request.ts";

/** A file to fetch, and what is known of it beforehand. */
export interface RemoteFile {
  /** Where it belongs in its folder. */
  readonly path: string;
  readonly url: URL;
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  readonly token?: string | undefined;
}

export interface DownloadControl {
  /** Bytes that have come, and all; undefined when the server does not say. */
  readonly onBytes?: (loaded: number, total: number | undefined) => void;
  readonly onCheck?: (checked: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of a range. A try that is cut off loses at most the ranges that were under way. Default: 16 MiB. */
  readonly chunkBytes?: number;
  /** Ranges at once. Default: 4. */
  readonly connections?: number;
  /** Tries in a row that bring nothing before giving up. Default: 5. */
  readonly tries?: number;
  /** Milliseconds before the second try, doubled with each. Default: 500. */
  readonly patience?: number;
  readonly stallAfter?: number;
}

const CHUNK_BYTES = 16 << 20;

/** The file on the server became another one meanwhile. */
class Changed extends Error {}

/** What a first request tells of a file. */
export interface Probe {
  readonly size: number | undefined;
  /** The server's name for this version of the file; undefined when it gives none. */
  readonly version: string | undefined;
  /** An answer with the whole file, from a server that does not give ranges. */
  readonly whole?: Answer;
}

/**
 * Fetches a file into its folder: in ranges, several at once, where the server gives ranges and names its versions;
 * what an earlier try got is not fetched again. It becomes a file of the folder only when all its bytes are there and
 * are what was published.
 * @returns its size
 * @throws WkvError `network`, `not-found` or `no-space`; the signal's reason
 */
export async function download(file: RemoteFile, folder: Folder, control: DownloadControl = {}): Promise<number> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await attempt(file, folder, control);
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
      if (restarts === 2) throw new WkvError("network", `${file.url.href} keeps changing: try again later.`);
    }
  }
}

async function attempt(file: RemoteFile, folder: Folder, control: DownloadControl): Promise<number> {
  // Twice only: who has no network wants to know soon.
  const probe = await retry({ ...control, tries: 2 }, () => probeFile(file, control));
  const { size } = probe;
  try {
    if (file.size !== undefined && size !== undefined && size !== file.size)
      throw new WkvError(
        "network",
        `${file.url.href} has ${size} bytes, but ${file.size} were published: try again later.`,
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

/** Takes a part to its end, whatever that is. */
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
    if (error instanceof Changed || probe.version === undefined) await part.discard();
    else await part.release();
    throw error;
  }
}

/** One byte tells the size, the version, and whether ranges can be had; an empty file has none to give. */
export async function probeFile({ url, token }: RemoteFile, { signal, stallAfter }: DownloadControl): Promise<Probe> {
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

/** Compressed on the way: its length and its ranges are not those of the file. */
function isEncoded({ headers }: Answer): boolean {
  return !/^(identity)?$/.test(headers.get("content-encoding") ?? "");
}

export function versionOf({ headers }: Answer): string | undefined {
  return headers.get("etag") ?? headers.get("last-modified") ?? undefined;
}

export function rangeOf({ headers }: Answer): { first: number; total: number } | undefined {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  return total === undefined ? undefined : { first: Number(first), total: Number(total) };
}

/** In one go; a connection that breaks means to begin again. */
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

export function wrongLength({ url }: RemoteFile, got: number, expected: number): Passing {
  return new Passing(`${url.href} sends ${got} bytes instead of ${expected}: try again later.`);
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
  await folder.checkSpace(size - part.done.size * chunkBytes); // first: a size that cannot be needs no list of ranges
  const chunks = Array.from({ length: Math.ceil(size / chunkBytes) }, (_, number) => {
    const first = number * chunkBytes;
    return { number, first, end: Math.min(size, first + chunkBytes) };
  });
  const missing = chunks.filter(({ number }) => !part.done.has(number));
  const left = missing.reduce((sum, { first, end }) => sum + end - first, 0);
  let loaded = size - left;
  onBytes?.(loaded, size);
  const abort = new AbortController(); // one that fails ends the others
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

/** A connection that breaks is taken up where it broke. */
async function fetchRange(
  part: Part,
  file: RemoteFile,
  { first, end }: { first: number; end: number },
  control: RangeControl,
) {
  const { url, token } = file;
  const { signal, stallAfter, version, size, onPiece } = control;
  let at = first;
  await retry(control, async (progressed) => {
    const answer = await request(url, { range: { first: at, end }, token, signal, stallAfter });
    try {
      const range = rangeOf(answer);
      if (
        answer.status !== 206 ||
        isEncoded(answer) ||
        range?.first !== at ||
        range.total !== size ||
        versionOf(answer) !== version
      )
        throw new Changed();
      for await (const bytes of answer.body()) {
        if (at + bytes.length > end) throw wrongLength(file, at + bytes.length - first, end - first);
        await part.write(bytes, at);
        at += bytes.length;
        onPiece(bytes.length);
        progressed();
      }
      if (at < end) throw wrongLength(file, at - first, end - first);
    } finally {
      answer.cancel();
    }
  });
}

/** @throws WkvError `network` when the bytes are not what was published; then nothing of them is kept */
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
  throw new WkvError("network", `${url.href} gave bytes of SHA-256 ${actual}, but ${sha256} was published: try again.`);
}

/** Does work again when it fails for a reason that may pass, a few times in a row, with longer and longer pauses. */
export async function retry<T>(
  { tries = 5, patience = 500, signal }: DownloadControl,
  work: (progressed: () => void) => Promise<T>,
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await work(() => {
        failures = 0;
      });
    } catch (error) {
      if (!(error instanceof Passing) || ++failures >= tries) throw error;
      await pause(error.retryAfter ?? patience * 2 ** (failures - 1), signal);
    }
  }
}

/** At most half a minute. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      },
      Math.min(ms, 30_000),
    );
    signal?.addEventListener("abort", abort);
  });
}
