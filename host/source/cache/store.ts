// The interface of a download cache: disk-store.ts on Node, Deno and Bun, page-store.ts in browsers.

import type { Source } from "../source.ts";

export interface CachedFile {
  /** Relative to its folder, with slashes. */
  readonly path: string;
  readonly size: number;
  readonly sha256?: string | undefined;
}

/** A complete download: a model, its parts, and the files that belong to it. */
export interface CacheRecord {
  /** Where it came from, written as `hf:ORG/REPO/FILE@REVISION` or as an http(s) address. */
  readonly address: string;
  /** The requested address, if different: `hf:ORG/REPO` without a file. */
  readonly asked: readonly string[];
  /** The path of the file to open. */
  readonly main: string;
  readonly files: readonly CachedFile[];
  /** When it was fetched, as ISO 8601. */
  readonly fetched: string;
}

/** Something in the cache, complete or not. */
export interface CachedModel {
  readonly address: string;
  readonly bytes: number;
  readonly whole: boolean;
  /** Location, for messages. */
  readonly path: string;
  readonly fetched: string | undefined;
}

export interface Store {
  list(): Promise<CachedModel[]>;
  /** By its own address or a requested one; undefined if it is missing or incomplete. */
  find(address: string): Promise<CacheRecord | undefined>;
  /** The folder of an address, created by the first write. */
  open(address: string): Promise<Folder>;
  /** False when there was nothing. */
  remove(address: string): Promise<boolean>;
}

/** The files of an address. */
export interface Folder {
  /** @throws WkvError `not-found` */
  source(path: string): Promise<Source>;
  /** The content of a small file; undefined if it is missing. */
  bytes(path: string): Promise<Uint8Array | undefined>;
  /** Whether the whole file is present as published: its bytes are checked. */
  has(file: CachedFile & { sha256: string }): Promise<boolean>;
  /** @throws WkvError `no-space` if this many more bytes do not fit */
  checkSpace(bytes: number): Promise<void>;
  /**
   * A partial file, exclusive to this caller: as left by an earlier attempt with the same `identity`, or new. Undefined
   * if it has been completed meanwhile. Waits while another caller writes it.
   */
  begin(
    file: { path: string; size: number | undefined; chunkBytes: number },
    identity: string,
    signal?: AbortSignal,
  ): Promise<Part | undefined>;
  /** Deletes everything in it. */
  discard(): Promise<void>;
  /** All files are complete: from now on `find` returns the download. */
  finish(kept: CacheRecord): Promise<void>;
}

export interface Part {
  /** Chunks present from an earlier attempt, by number. */
  readonly done: ReadonlySet<number>;
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** Chunk `number` is complete: makes it safe from a power cut. */
  mark(number: number): Promise<void>;
  /** Discards all chunks. */
  restart(): Promise<void>;
  /** Hexadecimal; of the first `size` bytes. */
  sha256(size: number, onProgress: (bytes: number) => void, signal?: AbortSignal): Promise<string>;
  /** Turns it into the complete file. */
  commit(size: number): Promise<void>;
  /** Keeps it for the next attempt. */
  release(): Promise<void>;
  discard(): Promise<void>;
}
