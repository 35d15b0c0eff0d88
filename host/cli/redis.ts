import type { Redis } from "ioredis";
import type { StateStorage } from "../server/index.ts";
import { UsageError } from "./failure.ts";

export const isRedis = (address: string) => /^rediss?:\/\//.test(address);

/** Milliseconds until a lock whose holder was killed is free. */
const LEASE_MS = 5000;
const RENEW_MS = LEASE_MS / 3;

/** Both do nothing where another holder has the lock by now. */
const EXTEND = `return redis.call("get", KEYS[1]) == ARGV[1] and redis.call("pexpire", KEYS[1], ARGV[2])`;
const RELEASE = `return redis.call("get", KEYS[1]) == ARGV[1] and redis.call("del", KEYS[1])`;

/** A server that is gone for longer fails the requests that need it. */
const CLIENT = { lazyConnect: true, maxRetriesPerRequest: 3 };

/** @throws UsageError when the client is not installed, or there is no Redis server at the address */
export async function checkRedis(url: string): Promise<void> {
  const { Redis } = await peer(import("ioredis"), "ioredis");
  (await connected(new Redis(url, CLIENT))).disconnect();
}

async function connected(redis: Redis): Promise<Redis> {
  let reason: string | undefined;
  redis.on("error", ({ message }: Error) => (reason = message)); // without a listener each one is printed
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (cause) {
    redis.disconnect();
    throw new UsageError(`Redis cannot be reached: ${reason ?? (cause as Error).message}. Check its address.`, {
      cause,
    });
  }
}

/** A package that is installed by those who use Redis. */
export async function peer<T>(loading: Promise<T>, name: string): Promise<T> {
  try {
    return await loading;
  } catch (cause) {
    throw new UsageError(`Redis needs the package ${name}: npm install ${name}`, { cause });
  }
}

/** Named states in Redis, for any number of servers. A state that one of them is going to write is locked for all. */
export async function redisStorage(url: string): Promise<StateStorage> {
  const { createStorage } = await import("unstorage");
  const { default: redisDriver } = await peer(import("unstorage/drivers/redis"), "ioredis");
  const base = "wkv";
  const driver = redisDriver({ base, url, ...CLIENT });
  const redis = await connected(driver.getInstance!() as Redis);
  const raw = {
    getItemRaw: (key: string) => redis.getBuffer(`${base}:${key}`), // the driver would keep base64
    setItemRaw: async (key: string, { buffer, byteOffset, byteLength }: Uint8Array) => {
      await redis.set(`${base}:${key}`, Buffer.from(buffer, byteOffset, byteLength));
    },
  };
  const storage = createStorage({ driver: { ...driver, ...raw } });
  return Object.assign(storage, { lock: (key: string) => lock(redis, `${base}:locks:${key}`) });
}

/** @returns what frees the lock; nothing when another server has it */
async function lock(redis: Redis, key: string): Promise<(() => Promise<void>) | undefined> {
  const holder = crypto.randomUUID();
  if (!(await redis.set(key, holder, "PX", LEASE_MS, "NX"))) return undefined;
  const extend = () => redis.eval(EXTEND, 1, key, holder, LEASE_MS).catch(() => {}); // writing will fail as well
  const timer = setInterval(extend, RENEW_MS);
  return async () => {
    clearInterval(timer);
    await redis.eval(RELEASE, 1, key, holder);
  };
}
