// What a cache of downloads has to be able to do: disk-store.ts on Node, Deno and Bun, page-store.ts in browsers.

import type { Source } from "../source.ts";

export interface CachedFile {
  /** Within its folder, with slashes. */
  readonly path: string;
  readonly size: number;
  readonly sha256?: string | undefined;
}

/** A download that is whole: a model, its parts, and the vocabulary beside it. */
export interface CacheRecord {
  /** Where it came from, written as `hf:ORG/REPO/FILE@REVISION` or as an http(s) address. */
  readonly address: string;
  /** What was asked for, where that is another address: `hf:ORG/REPO` without a file. */
  readonly asked: readonly string[];
  /** The path of the file to open. */
  readonly main: string;
  readonly files: readonly CachedFile[];
  /** When it was fetched, as ISO 8601. */
  readonly fetched: string;
}

/** Something that the cache holds, whole or not. */
export interface CachedModel {
  readonly address: string;
  readonly bytes: number;
  readonly whole: boolean;
  /** Where it is, for messages. */
  readonly path: string;
  readonly fetched: string | undefined;
}

export interface Store {
  list(): Promise<CachedModel[]>;
  /** By its own address or one that was asked for; undefined when it is not there or not whole any more. */
  find(address: string): Promise<CacheRecord | undefined>;
  /** The place of an address, made when something is written to it. */
  open(address: string): Promise<Folder>;
  /** False when there was nothing. */
  remove(address: string): Promise<boolean>;
}

/** The files of one address. */
export interface Folder {
  /** @throws WkvError `not-found` */
  source(path: string): Promise<Source>;
  /** The content of a small file; undefined when it is not there. */
  bytes(path: string): Promise<Uint8Array | undefined>;
  /** Whether the whole file is there, as was published: its bytes are looked at. */
  has(file: CachedFile & { sha256: string }): Promise<boolean>;
  /** @throws WkvError `no-space` when so many bytes more do not fit */
  checkSpace(bytes: number): Promise<void>;
  /**
   * A file on its way, this caller's alone: as an earlier try with the same `identity` left it, or new. Undefined when it
   * has become whole meanwhile. Waits while somebody else writes it.
   */
  begin(
    file: { path: string; size: number | undefined; chunkBytes: number },
    identity: string,
    signal?: AbortSignal,
  ): Promise<Part | undefined>;
  /** Deletes everything in it. */
  discard(): Promise<void>;
  /** All files are whole: from now on `find` finds it. */
  finish(kept: CacheRecord): Promise<void>;
}

export interface Part {
  /** Chunks that are there from an earlier try, by number. */
  readonly done: ReadonlySet<number>;
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Chunk `number` is whole and safe from a power cut. */
  mark(number: number): Promise<void>;
  /** Forgets all chunks. */
  restart(): Promise<void>;
  /** Hexadecimal; of the first `size` bytes. */
  sha256(size: number, onProgress: (bytes: number) => void, signal?: AbortSignal): Promise<string>;
  /** Makes it the file. */
  commit(size: number): Promise<void>;
  /** Keeps it for the next try. */
  release(): Promise<void>;
  discard(): Promise<void>;
}
