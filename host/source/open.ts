import { files } from "#files";
import { WkvError } from "../errors.ts";
import { pageAddress } from "../tokenizer/runtime.ts";
import { isAddress } from "./net/address.ts";
import { type FetchOptions, fetchModel } from "./net/fetch-model.ts";
import { bytesSource, type CustomSource, checkRange, type Source } from "./source.ts";

/**
 * What `loadModel` takes: a path, an address (`hf:`, http, https or file), a Blob or File, bytes in memory, or anything
 * that can be read at a place.
 */
export type ModelSource = string | URL | Blob | ArrayBuffer | Uint8Array | CustomSource;

/**
 * Opens a model's bytes for reading. What is on the net is downloaded into the cache first, unless it is there.
 * @throws WkvError `not-found`, `bad-file`, or of a download `network` or `no-space`; TypeError for another kind of source
 */
export async function openSource(input: ModelSource, options: FetchOptions = {}): Promise<Source> {
  if (typeof input === "string" || input instanceof URL)
    return isAddress(input) ? openSource(await fetchModel(input, options)) : openPath(input, options);
  if (input instanceof Uint8Array) return bytesSource(input);
  if (input instanceof ArrayBuffer) return bytesSource(new Uint8Array(input));
  if (input instanceof Blob) return blobSource(input);
  if (typeof input?.size === "number" && typeof input.read === "function") return customSource(input);
  throw new TypeError(`"source" expected a path, URL, Blob, bytes or { size, read }, got ${typeof input}`);
}

async function openPath(input: string | URL, options: FetchOptions): Promise<Source> {
  if (typeof input === "string" && files && !/^file:/i.test(input)) return files.fileSource(input);
  const url = URL.canParse(input, pageAddress()) ? new URL(input, pageAddress()) : undefined;
  if (url?.protocol === "file:" && files) return files.fileSource(files.fileURLToPath(url));
  if (url && isAddress(url)) return openSource(await fetchModel(url, options)); // a path, in a page
  throw new WkvError("not-found", `${input}: there are no files here; give an address, a Blob or bytes.`);
}

function blobSource(blob: Blob): Source {
  const name = "name" in blob ? String(blob.name) : "the blob";
  return customSource(
    { size: blob.size, read: async (at, length) => new Uint8Array(await blob.slice(at, at + length).arrayBuffer()) },
    name,
  );
}

function customSource(source: CustomSource, name = "the model"): Source {
  const { size } = source;
  return {
    name,
    size,
    async read(target, offset) {
      checkRange(name, size, offset, target.length);
      const bytes = await source.read(offset, target.length);
      if (bytes.length !== target.length)
        throw new WkvError("bad-file", `${name}: read(${offset}, ${target.length}) gave ${bytes.length} bytes.`);
      target.set(bytes);
    },
    async close() {},
  };
}
