import { WkvError } from "../../errors.ts";
import { openStore } from "../cache/open-store.ts";
import type { CachedFile, CacheRecord, Folder } from "../cache/store.ts";
import type { Progress } from "../progress.ts";
import { blobSource, type Source } from "../source.ts";
import { type Address, addressText, parseAddress, shown } from "./address.ts";
import { type DownloadControl, download } from "./download.ts";
import { type FileSelection, type HubOptions, hubEndpoint, resolveHub } from "./hub.ts";
import { Meter } from "./meter.ts";
import type { RemoteFile } from "./remote-file.ts";
import { request } from "./request.ts";

export interface FetchOptions {
  /** Folder for downloads. Default: `wkv` in the user's cache directory (XDG). */
  cacheDir?: string | undefined;
  /** The hub that `hf:` refers to, and its token. */
  hub?: HubOptions | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Checks a download before it is kept. If it throws `bad-file`, `unknown-format` or `unsupported-model`, the download is deleted. */
  verify?: ((file: Source) => Promise<unknown>) | undefined;
  /** Ranges, connections and retries. */
  download?: Pick<DownloadControl, "chunkBytes" | "connections" | "tries" | "patience" | "stallAfter"> | undefined;
}

/**
 * Opens the model of an address from the cache, downloading it first if it is not there. For a cached model no request
 * is made: to get a newer version, delete it or name a revision.
 * @throws WkvError `not-found`, `network` or `no-space`; the signal's reason
 */
export async function fetchModel(source: string | URL, options: FetchOptions = {}): Promise<Source> {
  const asked = parseAddress(source, hubEndpoint(options.hub ?? {}));
  const store = await openStore(options.cacheDir);
  const kept = await store?.find(addressText(asked));
  if (store && kept) return (await store.open(kept.address)).source(kept.main);
  const selection =
    asked.kind === "web" ? selectionOfWeb(asked.url) : await resolveHub(asked, options.hub ?? {}, options.signal);
  if (!store) return fetchSource(selection.main, selection, options);
  const address = addressText(asked.kind === "web" ? asked : { ...asked, file: selection.main });
  const folder = await store.open(address);
  const files = await downloadAll(selection, folder, options);
  if (options.verify) await verifyDownload(selection, folder, options.verify);
  await folder.finish(record(address, asked, selection, files));
  return folder.source(selection.main);
}

const NO_MODEL: readonly string[] = ["bad-file", "unknown-format", "unsupported-model"];

/**
 * Keeps no response that is not a model, such as a login page, an error or a truncated body. A file with a published
 * checksum is kept in any case.
 */
async function verifyDownload(
  { main, files }: FileSelection,
  folder: Folder,
  verify: (file: Source) => Promise<unknown>,
): Promise<void> {
  const remote = files.find(({ path }) => path === main) as RemoteFile;
  if (remote.sha256 !== undefined) return;
  try {
    await verifyFile(await folder.source(main), verify);
  } catch (error) {
    if (!(error instanceof WkvError) || !NO_MODEL.includes(error.code)) throw error;
    await folder.discard();
    throw new WkvError(
      error.code,
      `${shown(remote.url)} did not send a model, and nothing was kept: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

async function verifyFile(file: Source, verify: (file: Source) => Promise<unknown>): Promise<void> {
  try {
    await verify(file);
  } finally {
    await file.close();
  }
}

function record(address: string, asked: Address, { main }: FileSelection, files: readonly CachedFile[]): CacheRecord {
  const others = addressText(asked) === address ? [] : [addressText(asked)];
  return { address, asked: others, main, files, fetched: new Date().toISOString() };
}

/** The file name is the last part of the address. */
function selectionOfWeb(url: URL): FileSelection {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  const path =
    last
      .replace(/[^\w.-]+/g, "_")
      .replace(/^[.]+/, "")
      .slice(-100) || "model";
  return { main: path, files: [{ path, url }] };
}

async function downloadAll({ files }: FileSelection, folder: Folder, options: FetchOptions): Promise<CachedFile[]> {
  const { signal, onProgress = () => {} } = options;
  const meter = new Meter(onProgress);
  const isKnown = files.every(({ size }) => size !== undefined);
  const total = isKnown ? files.reduce((sum, { size = 0 }) => sum + size, 0) : undefined;
  const kept: CachedFile[] = [];
  let before = 0;
  for (const file of files) {
    const control: DownloadControl = {
      ...options.download,
      signal,
      onBytes: (loaded, ofFile) =>
        meter.downloaded(before + loaded, total ?? (files.length === 1 ? ofFile : undefined)),
      onCheck: (checked, ofFile) => meter.checked(checked, ofFile),
    };
    const size = (await isThere(file, folder)) ? (file.size as number) : await download(file, folder, control);
    before += size;
    kept.push({ path: file.path, size, ...(file.sha256 && { sha256: file.sha256 }) });
  }
  return kept;
}

/** Without a cache: a Blob, which browsers keep on disk if it is large. */
async function fetchSource(path: string, selection: FileSelection, options: FetchOptions): Promise<Source> {
  const file = selection.files.find((each) => each.path === path);
  if (!file) throw new WkvError("not-found", `${path} is not in the repository.`);
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const beside = (name: string) => fetchSource(folder + name, selection, { ...options, onProgress: undefined });
  return blobSource(await fetchBlob(file, options), path, beside);
}

async function fetchBlob({ url, token, size }: RemoteFile, options: FetchOptions): Promise<Blob> {
  const { signal, onProgress = () => {} } = options;
  const meter = new Meter(onProgress);
  const answer = await request(url, { token, signal });
  const length = answer.headers.get("content-encoding") ? null : answer.headers.get("content-length");
  const total = size ?? (length === null ? undefined : Number(length));
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  for await (const piece of answer.body()) {
    pieces.push(piece as Uint8Array<ArrayBuffer>);
    meter.downloaded((loaded += piece.length), total);
  }
  if (total === undefined || loaded === total) return new Blob(pieces);
  throw new WkvError("network", `${shown(url)} sends ${loaded} bytes instead of ${total}: try again later.`);
}

/** Whether an earlier attempt, perhaps for another revision, left this very file: only a checksum can show it. */
async function isThere(file: RemoteFile, folder: Folder): Promise<boolean> {
  const { path, size, sha256 } = file;
  return size !== undefined && sha256 !== undefined && folder.has({ path, size, sha256 });
}
