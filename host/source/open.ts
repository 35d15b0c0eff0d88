import { files } from "#files";
import { WkvError } from "../errors.ts";
import { isAddress } from "./net/address.ts";
import { type FetchOptions, fetchModel } from "./net/fetch-model.ts";
import { pageAddress } from "./page-address.ts";
import { blobSource, bytesSource, type CustomSource, customSource, type Source } from "./source.ts";

/**
 * What `loadModel` accepts: a path, "box", the bundled model, where there is a file system, an
 * address (`hf:`, http, https or file), a Blob or File, bytes in memory, or an object with `size` and `read(offset,
 * length)`.
 */
export type ModelSource = string | URL | Blob | ArrayBuffer | Uint8Array | CustomSource;

/**
 * Opens a model's bytes for reading. Addresses are downloaded into the cache first, unless cached.
 * @throws WkvError `not-found`, `bad-file`, or for a download `network` or `no-space`; TypeError for another kind of
 *   source
 */
export async function openSource(input: ModelSource, options: FetchOptions = {}): Promise<Source> {
  if (typeof input === "string" || input instanceof URL)
    return isAddress(input) ? fetchModel(input, options) : openPath(input, options);
  if (input instanceof Uint8Array) return bytesSource(input);
  if (input instanceof ArrayBuffer) return bytesSource(new Uint8Array(input));
  if (input instanceof Blob) return blobSource(input, "name" in input ? String(input.name) : "the blob");
  if (typeof input?.size === "number" && typeof input.read === "function") return customSource(input, "the model");
  throw new TypeError(`"source" expected a path, URL, Blob, bytes or { size, read }, got ${typeof input}`);
}

async function openPath(input: string | URL, options: FetchOptions): Promise<Source> {
  if (typeof input === "string" && files && !/^file:/i.test(input))
    return files.fileSource(files.bundledModel(input) ?? input);
  const url = URL.canParse(input, pageAddress()) ? new URL(input, pageAddress()) : undefined;
  if (url?.protocol === "file:" && files) return files.fileSource(files.fileURLToPath(url));
  if (url && isAddress(url)) return fetchModel(url, options); // in a page, paths are relative addresses
  throw new WkvError("not-found", `${input}: there is no file system here; give an address, a Blob or bytes.`);
}
