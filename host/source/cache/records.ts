// What all caches share: one folder per address, with a record in it once the download is complete; and finding,
// listing and deleting by these records.
import { isSafePath } from "../net/address.ts";
import type { CachedFile, CachedModel, CacheRecord, Folder, Store } from "./store.ts";

export const RECORD = "wkv.json";

/** The folders of a cache. */
export interface CacheFolders<R extends CacheRecord = CacheRecord> {
  /** Their names. */
  list(): Promise<string[]>;
  /** Undefined if there is no such file. */
  readText(folder: string, name: string): Promise<string | undefined>;
  /** Name of the file with the address of an unfinished download. */
  readonly addressFile: string;
  hasFile(folder: string, file: CachedFile, record: R): Promise<boolean>;
  bytesOf(folder: string): Promise<number>;
  /** For messages and listings. */
  pathOf(folder: string): string;
  remove(folder: string): Promise<void>;
  open(folder: string, address: string): Promise<Folder>;
}

export function recordStore<R extends CacheRecord>(folders: CacheFolders<R>): Store {
  return {
    list: () => listEntries(folders),
    find: (address) => findModel(folders, address),
    open: async (address) => folders.open(await folderName(address), address),
    async remove(address) {
      const names = await folders.list();
      const records = await Promise.all(names.map((name) => describe(folders, name)));
      const found = names.filter((_, i) => isOf(records[i] as Described<R>, address));
      for (const name of found) await folders.remove(name);
      return found.length > 0;
    },
  };
}

interface Described<R> {
  readonly address: string;
  readonly record: R | undefined;
}

function isOf({ address, record }: Described<CacheRecord>, wanted: string): boolean {
  return address === wanted || record?.asked.includes(wanted) === true;
}

async function describe<R extends CacheRecord>(folders: CacheFolders<R>, name: string): Promise<Described<R>> {
  const record = await readRecord(folders, name);
  return { record, address: record?.address ?? (await folders.readText(name, folders.addressFile)) ?? name };
}

async function listEntries<R extends CacheRecord>(folders: CacheFolders<R>): Promise<CachedModel[]> {
  return Promise.all(
    (await folders.list()).map(async (name) => {
      const { address, record } = await describe(folders, name);
      const [bytes, whole] = await Promise.all([folders.bytesOf(name), isWhole(folders, name, record)]);
      return { address, bytes, whole, path: folders.pathOf(name), fetched: record?.fetched };
    }),
  );
}

async function findModel<R extends CacheRecord>(folders: CacheFolders<R>, address: string): Promise<R | undefined> {
  const own = await folderName(address);
  const names = await folders.list();
  for (const name of [own, ...names.filter((each) => each !== own)]) {
    const record = await readRecord(folders, name);
    if (record && isOf({ address: record.address, record }, address) && (await isWhole(folders, name, record)))
      return record;
  }
  return undefined;
}

async function isWhole<R extends CacheRecord>(
  folders: CacheFolders<R>,
  name: string,
  record: R | undefined,
): Promise<boolean> {
  if (!record) return false;
  return (await Promise.all(record.files.map((file) => folders.hasFile(name, file, record)))).every(Boolean);
}

/** Undefined if there is none, or, after a warning, if it is damaged: its model is downloaded again. */
async function readRecord<R extends CacheRecord>(folders: CacheFolders<R>, name: string): Promise<R | undefined> {
  const text = await folders.readText(name, RECORD);
  if (text === undefined) return undefined;
  const record = parseRecord<R>(text);
  if (!record) console.warn(`wkv: ${folders.pathOf(name)}/${RECORD} is damaged: the model will be downloaded again.`);
  return record;
}

/** @returns undefined for anything no version of wkv writes */
export function parseRecord<R extends CacheRecord>(text: string): R | undefined {
  try {
    const record: R = JSON.parse(text);
    const { address, asked, main, files, fetched } = record;
    const texts = [address, main, fetched, ...asked];
    const isSound =
      texts.every((each) => typeof each === "string") &&
      files.every(isCachedFile) &&
      files.some(({ path }) => path === main);
    return isSound ? record : undefined;
  } catch {
    return undefined;
  }
}

function isCachedFile({ path, size, sha256 }: CachedFile): boolean {
  const hasHash = sha256 === undefined || /^[0-9a-f]{64}$/.test(sha256);
  return typeof path === "string" && isSafePath(path) && Number.isSafeInteger(size) && size >= 0 && hasHash;
}

/** Readable, and unique per address. */
async function folderName(address: string): Promise<string> {
  const name = address.replace(/^\w+:(\/\/)?|\?.*$/g, "").replace(/[^\w.-]+/g, "_");
  return `${name.slice(-80)}-${await shortHash(address)}`;
}

/** 16 hexadecimal digits of SHA-256. */
export async function shortHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
