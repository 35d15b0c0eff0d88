import { WkvError } from "../../errors.ts";
import { vocabularyNames } from "../../tokenizer/names.ts";
import { openStore } from "../cache/open-store.ts";
import { checkRange, type Source } from "../source.ts";
import { addressText, parseAddress } from "./address.ts";
import {
  type DownloadControl,
  type Probe,
  probeFile,
  type RemoteFile,
  rangeOf,
  retry,
  versionOf,
  wrongLength,
} from "./download.ts";
import type { FetchOptions } from "./fetch-model.ts";
import { askHub, hubEndpoint, type Wanted } from "./hub.ts";
import { request } from "./request.ts";

const BLOCK_BYTES = 64 << 10;
/** Blocks of one request, where one is read after the other. */
const MOST_AHEAD = 32;
/** Blocks that are kept: 16 MiB. */
const MOST_KEPT = 256;

/** A model on the net of which only what is asked for is fetched, and nothing kept. */
export interface RemoteSource extends Source {
  /** Names of the vocabularies beside it, the best first. */
  readonly vocabularies: readonly string[];
  beside(name: string): Promise<Source>;
}

/**
 * A model on the net, read in ranges.
 * @returns undefined where it has to be fetched as a whole or is in the cache already: the server gives no ranges, or no
 *   name of the file's version, by which a change would be seen
 * @throws WkvError `not-found` or `network`; the signal's reason
 */
export async function remoteSource(address: string | URL, options: FetchOptions): Promise<RemoteSource | undefined> {
  const asked = parseAddress(address, hubEndpoint(options.hub ?? {}));
  if (await (await openStore(options.cacheDir))?.find(addressText(asked))) return undefined;
  if (asked.kind === "web") return openRemote({ path: "model", url: asked.url }, undefined, options);
  const wanted = await askHub(asked, options.hub ?? {}, options.signal);
  const main = wanted.files.find(({ path }) => path === wanted.main) as RemoteFile;
  return openRemote(main, wanted, options);
}

/** @param among the files of its repository, where it has one */
async function openRemote(file: RemoteFile, among: Wanted | undefined, options: FetchOptions) {
  const control: DownloadControl = { ...options.download, signal: options.signal };
  const probe = await retry({ ...control, tries: 2 }, () => probeFile(file, control));
  probe.whole?.cancel();
  const { size, version } = probe;
  if (size === undefined || version === undefined || (file.size ?? size) !== size) return undefined;
  return new RangeSource(file, probe, among, options);
}

class RangeSource implements RemoteSource {
  readonly name: string;
  readonly size: number;
  readonly vocabularies: readonly string[];
  readonly #file: RemoteFile;
  readonly #version: string | undefined;
  readonly #among: Wanted | undefined;
  readonly #options: FetchOptions;
  readonly #blocks = new Map<number, Uint8Array>();
  /** The block after the last ones that were fetched, and how many they were. */
  #next = -1;
  #ahead = 1;

  constructor(file: RemoteFile, { size, version }: Probe, among: Wanted | undefined, options: FetchOptions) {
    this.name = file.url.href;
    this.size = size as number;
    this.#file = file;
    this.#version = version;
    this.#among = among;
    this.#options = options;
    this.vocabularies = vocabularyNames(file.path).filter((name) => this.#find(name));
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
    const source = file && (await openRemote(file, this.#among, this.#options));
    if (source) return source;
    throw new WkvError("not-found", `${name} is not beside ${this.name}.`);
  }

  async close(): Promise<void> {
    this.#blocks.clear();
  }

  #find(name: string): RemoteFile | undefined {
    const folder = this.#file.path.slice(0, this.#file.path.lastIndexOf("/") + 1);
    return this.#among?.files.find(({ path }) => path === folder + name);
  }

  async #block(number: number): Promise<Uint8Array> {
    const known = this.#blocks.get(number);
    if (known) return known;
    this.#ahead = number === this.#next ? Math.min(2 * this.#ahead, MOST_AHEAD) : 1;
    const first = number * BLOCK_BYTES;
    const bytes = await this.#fetch(first, Math.min(this.size, first + this.#ahead * BLOCK_BYTES));
    this.#next = number + this.#ahead;
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      if (this.#blocks.size >= MOST_KEPT) this.#blocks.delete(this.#blocks.keys().next().value as number);
      this.#blocks.set(number + at / BLOCK_BYTES, bytes.subarray(at, at + BLOCK_BYTES));
    }
    return bytes.subarray(0, BLOCK_BYTES);
  }

  /** Bytes [first, end). */
  async #fetch(first: number, end: number): Promise<Uint8Array> {
    const { url, token } = this.#file;
    const { signal, download = {} } = this.#options;
    const bytes = new Uint8Array(end - first);
    await retry({ ...download, signal }, async () => {
      const answer = await request(url, { range: { first, end }, token, signal, stallAfter: download.stallAfter });
      try {
        const range = rangeOf(answer);
        if (range?.first !== first || range.total !== this.size || versionOf(answer) !== this.#version)
          throw new WkvError("network", `${url.href} became another file while it was read: try again.`);
        let at = 0;
        for await (const piece of answer.body()) {
          bytes.set(piece.subarray(0, bytes.length - at), at);
          at += piece.length;
          if (at > bytes.length) break;
        }
        if (at !== bytes.length) throw wrongLength(this.#file, at, bytes.length);
      } catch (error) {
        answer.cancel(); // only now: it would close a connection that serves again
        throw error;
      }
    });
    return bytes;
  }
}
