import { WkvError } from "../../errors.ts";
import type { Progress } from "../../loading/loader.ts";
import { openStore } from "../cache/open-store.ts";
import type { Folder, Kept, KeptFile } from "../cache/store.ts";
import { type Address, addressText, parseAddress } from "./address.ts";
import { type DownloadControl, download, type RemoteFile } from "./download.ts";
import { askHub, type HubOptions, hubEndpoint, type Wanted } from "./hub.ts";
import { Meter } from "./meter.ts";
import { request } from "./request.ts";

export interface FetchOptions {
  /** Where downloads are kept on disk. Default: `wkv` in the user's cache directory (XDG). */
  cacheDir?: string | undefined;
  /** Which hub `hf:` means, and the token for it. */
  hub?: HubOptions | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** How the download goes about it. */
  download?: Pick<DownloadControl, "chunkBytes" | "connections" | "tries" | "patience" | "stallAfter"> | undefined;
}

/**
 * The model of an address, out of the cache, else downloaded into it. What the cache has is taken without asking the net:
 * to have a newer one, remove it or name a revision.
 * @returns what `openSource` opens: a path, or a Blob where there are none
 * @throws WkvError `not-found`, `network` or `no-space`; the signal's reason
 */
export async function fetchModel(source: string | URL, options: FetchOptions = {}): Promise<string | Blob> {
  const asked = parseAddress(source, hubEndpoint(options.hub ?? {}));
  const store = await openStore(options.cacheDir);
  const kept = await store?.find(addressText(asked));
  if (store && kept) return (await store.open(kept.address)).source(kept.main);
  const wanted = asked.kind === "web" ? wantedOfWeb(asked.url) : await askHub(asked, options.hub ?? {}, options.signal);
  if (!store) return fetchBlob(wanted, options);
  const address = addressText(asked.kind === "web" ? asked : { ...asked, file: wanted.main });
  const folder = await store.open(address);
  const files = await downloadAll(wanted, folder, options);
  await folder.finish(record(address, asked, wanted, files));
  return folder.source(wanted.main);
}

function record(address: string, asked: Address, { main }: Wanted, files: readonly KeptFile[]): Kept {
  const others = addressText(asked) === address ? [] : [addressText(asked)];
  return { address, asked: others, main, files, fetched: new Date().toISOString() };
}

/** A file of any server is named as its address ends. */
function wantedOfWeb(url: URL): Wanted {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  const path =
    last
      .replace(/[^\w.-]+/g, "_")
      .replace(/^[.]+/, "")
      .slice(-100) || "model";
  return { main: path, files: [{ path, url }] };
}

async function downloadAll({ files }: Wanted, folder: Folder, options: FetchOptions): Promise<KeptFile[]> {
  const { signal, onProgress = () => {} } = options;
  const meter = new Meter(onProgress);
  const isKnown = files.every(({ size }) => size !== undefined);
  const total = isKnown ? files.reduce((sum, { size = 0 }) => sum + size, 0) : undefined;
  const kept: KeptFile[] = [];
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

/** Where nothing can be kept: the model alone, which a browser puts where it likes. */
async function fetchBlob({ main, files }: Wanted, { signal, onProgress = () => {} }: FetchOptions): Promise<Blob> {
  const { url, token, size } = files.find(({ path }) => path === main) as RemoteFile;
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
  throw new WkvError("network", `${url.href} sends ${loaded} bytes instead of ${total}: try again later.`);
}

/** From an earlier try, which may have been for another revision: only what can be checked counts. */
async function isThere(file: RemoteFile, folder: Folder): Promise<boolean> {
  const { path, size, sha256 } = file;
  return size !== undefined && sha256 !== undefined && folder.has({ path, size, sha256 });
}
