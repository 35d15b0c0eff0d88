import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import type { StateStorage } from "../server/index.ts";
import { saveFile } from "../source/disk/write.ts";
import { UsageError } from "./failure.ts";
import { isRedis, redisStorage } from "./redis.ts";

/**
 * Storage of named states.
 * @param place a folder, or the address of a Redis server
 */
export async function openStorage(place: string): Promise<StateStorage> {
  if (isRedis(place)) return redisStorage(place);
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
