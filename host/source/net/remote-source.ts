import { WkvError } from "../../errors.ts";
import { openStore } from "../cache/open-store.ts";
import { checkRange, type Source } from "../source.ts";
import { addressText, parseAddress, shown } from "./address.ts";
import type { FetchOptions } from "./fetch-model.ts";
import { type FileSelection, hubEndpoint, resolveHub } from "./hub.ts";
import { type Probe, probeFile, rangeOf, versionOf, wrongLength } from "./probe.ts";
import type { RemoteFile } from "./remote-file.ts";
import { request } from "./request.ts";
import { retry } from "./retry.ts";

const BLOCK_BYTES = 64 << 10;
/** Maximum blocks per request, reached by sequential reads. */
const MAX_READ_AHEAD = 32;
/** Blocks in memory: 16 MiB. */
const MAX_BLOCKS = 256;

/**
 * A remote model that is read in ranges; nothing is stored on disk.
 * @returns undefined if it is cached, or must be fetched as a whole: the server does not support ranges, or gives no
 *   version (ETag or Last-Modified) that would reveal a change
 * @throws WkvError `not-found` or `network`; the signal's reason
 */
export async function remoteSource(address: string | URL, options: FetchOptions): Promise<Source | undefined> {
  const asked = parseAddress(address, hubEndpoint(options.hub ?? {}));
  if (await (await openStore(options.cacheDir))?.find(addressText(asked))) return undefined;
  if (asked.kind === "web") return openRemote({ path: "model", url: asked.url }, undefined, options);
  const selection = await resolveHub(asked, options.hub ?? {}, options.signal);
  const main = selection.files.find(({ path }) => path === selection.main) as RemoteFile;
  return openRemote(main, selection, options);
}

/** @param selection the files of its repository, if it belongs to one */
async function openRemote(file: RemoteFile, selection: FileSelection | undefined, options: FetchOptions) {
  const control = { ...options.download, signal: options.signal };
  const probe = await retry({ ...control, tries: 2 }, () => probeFile(file, control));
  probe.whole?.cancel();
  const { size, version } = probe;
  if (size === undefined || version === undefined || (file.size ?? size) !== size) return undefined;
  return new RangeSource(file, probe, selection, options);
}

class RangeSource implements Source {
  readonly name: string;
  readonly size: number;
  readonly #file: RemoteFile;
  readonly #version: string | undefined;
  readonly #selection: FileSelection | undefined;
  readonly #options: FetchOptions;
  readonly #blocks = new Map<number, Uint8Array>();
  /** The block after the last fetched ones, and their count. */
  #next = -1;
  #ahead = 1;

  constructor(file: RemoteFile, { size, version }: Probe, selection: FileSelection | undefined, options: FetchOptions) {
    this.name = shown(file.url);
    this.size = size as number;
    this.#file = file;
    this.#version = version;
    this.#selection = selection;
    this.#options = options;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    checkRange(this.name, this.size, offset, target.length);
    for (let done = 0; done < target.length; ) {
      const at = offset + done;
      const block = await this.#block(Math.floor(at / BLOCK_BYTES));
      const part = block.subarray(at % BLOCK_BYTES, (at % BLOCK_BYTES) + target.length - done);
      target.set(part, done);
      done += part.length;
    }
  }

  async beside(name: string): Promise<Source> {
    const file = this.#find(name);
    const source = file && (await openRemote(file, this.#selection, this.#options));
    if (source) return source;
    throw new WkvError("not-found", `${name} is not next to ${this.name}.`);
  }

  async close(): Promise<void> {
    this.#blocks.clear();
  }

  #find(name: string): RemoteFile | undefined {
    const folder = this.#file.path.slice(0, this.#file.path.lastIndexOf("/") + 1);
    return this.#selection?.files.find(({ path }) => path === folder + name);
  }

  async #block(number: number): Promise<Uint8Array> {
    const known = this.#blocks.get(number);
    if (known) return known;
    this.#ahead = number === this.#next ? Math.min(2 * this.#ahead, MAX_READ_AHEAD) : 1;
    const first = number * BLOCK_BYTES;
    const bytes = await this.#fetch(first, Math.min(this.size, first + this.#ahead * BLOCK_BYTES));
    this.#next = number + this.#ahead;
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value as number);
      this.#blocks.set(number + at / BLOCK_BYTES, bytes.subarray(at, at + BLOCK_BYTES));
    }
    return bytes.subarray(0, BLOCK_BYTES);
  }

  /** Bytes [first, end), in several requests if the server sends shorter ranges. */
  async #fetch(first: number, end: number): Promise<Uint8Array> {
    const { signal, download = {} } = this.#options;
    const bytes = new Uint8Array(end - first);
    let done = 0;
    await retry({ ...download, signal }, async () => {
      while (done < bytes.length) done += await this.#fetchSome(bytes.subarray(done), first + done);
    });
    return bytes;
  }

  /** One request for bytes from `first` on. @returns how many bytes of `target` it filled */
  async #fetchSome(target: Uint8Array, first: number): Promise<number> {
    const { url, token } = this.#file;
    const { signal, download = {} } = this.#options;
    const range = { first, end: first + target.length };
    const answer = await request(url, { range, token, signal, stallAfter: download.stallAfter });
    try {
      const found = rangeOf(answer);
      if (found?.first !== first || found.total !== this.size || versionOf(answer) !== this.#version)
        throw new WkvError("network", `${shown(url)} changed while it was being read: try again.`);
      const expected = Math.min(found.end, range.end) - first;
      let at = 0;
      for await (const piece of answer.body()) {
        if (at + piece.length > expected) throw wrongLength(this.#file, at + piece.length, expected);
        target.set(piece, at);
        at += piece.length;
      }
      if (at < expected || at === 0) throw wrongLength(this.#file, at, expected);
      return at;
    } catch (error) {
      answer.cancel(); // only now: earlier, it would close a reusable connection
      throw error;
    }
  }
}
