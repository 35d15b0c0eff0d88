import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import { saveFile } from "../source/disk/write.ts";
import { UsageError } from "./failure.ts";

/**
 * Storage of named states.
 * @param place a folder, or the address of a Redis server
 */
export async function openStorage(place: string): Promise<ReturnType<typeof createStorage>> {
  if (/^rediss?:\/\//.test(place)) return redisStorage(place);
  if (/^\w+:\/\//.test(place)) throw new UsageError(`--store expected a folder or redis://…, got ${place}`);
  const base = resolve(place);
  await mkdir(base, { recursive: true });
  return createStorage({ driver: wholeFiles(fsDriver({ base }), base) });
}

/** A state has its old or its new content, whenever the machine stops. */
function wholeFiles<D extends ReturnType<typeof fsDriver>>(driver: D, base: string): D {
  const write = async (key: string, bytes: Uint8Array) => {
    const path = resolve(base, key.replaceAll(":", "/"));
    await mkdir(resolve(path, ".."), { recursive: true });
    await saveFile(path, [bytes], bytes.length);
  };
  return {
    ...driver,
    setItem: (key: string, value: string) => write(key, new TextEncoder().encode(value)),
    setItemRaw: (key: string, value: Uint8Array) => write(key, value),
  };
}

/** The Redis client is not a dependency of wkv: few programs need it. */
async function redisStorage(url: string): Promise<ReturnType<typeof createStorage>> {
  try {
    const { default: redisDriver } = await import("unstorage/drivers/redis");
    return createStorage({ driver: redisDriver({ base: "wkv", url }) });
  } catch (cause) {
    throw new UsageError("--store redis://… requires the package ioredis: npm install ioredis", { cause });
  }
}
