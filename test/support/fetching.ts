/** Downloads from a local server with small ranges and little patience, into caches that are removed afterwards. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterEach } from "node:test";
import { WkvError } from "wkv";
import { diskStore } from "../../host/source/cache/disk-store.ts";
import { type FetchOptions, fetchModel } from "../../host/source/net/fetch-model.ts";
import { type HubServer, startHub } from "./hub-server.ts";
import { random } from "./random.ts";
import { tempFolder } from "./temp-folder.ts";

const folder = tempFolder("net");

const KB = 1024;
/** Eleven ranges and a piece. */
export const CHUNK = 64 * KB;
const next = random(3);
export const BYTES = Uint8Array.from({ length: 11 * CHUNK + 1000 }, () => next(256));

/** Those of the test at hand. */
export const hubs: HubServer[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.close();
});

export async function serve(files: Record<string, Uint8Array> = { "model.pth": BYTES }): Promise<HubServer> {
  const hub = await startHub(files);
  hubs.push(hub);
  return hub;
}

export function freshCache(): string {
  return mkdtempSync(join(folder, "cache-"));
}

interface Fetching extends FetchOptions {
  source?: string;
}

/** Fetches with small ranges and little patience. @returns the path in the cache */
export async function get(
  hub: HubServer,
  cacheDir: string,
  { source = "hf:org/repo", ...more }: Fetching = {},
): Promise<string> {
  const download = { chunkBytes: CHUNK, connections: 3, tries: 3, patience: 1, stallAfter: 2000, ...more.download };
  const file = await fetchModel(source, { cacheDir, hub: { endpoint: hub.endpoint }, ...more, download });
  await file.close();
  return file.name;
}

export async function assertFetched(hub: HubServer, options: Fetching & { cacheDir?: string } = {}): Promise<string> {
  const path = await get(hub, options.cacheDir ?? freshCache(), options);
  assert.deepEqual(readFileSync(path), Buffer.from(BYTES));
  assert.deepEqual(readdirSync(dirname(path)).sort(), [basename(path), "wkv.json"].sort(), "nothing else is left");
  return path;
}

/** The download fails so, and nothing is taken for a whole file; what is there may be taken up. */
export async function assertFails(
  hub: HubServer,
  code: string,
  message: RegExp,
  options: Fetching & { cacheDir?: string } = {},
) {
  const { cacheDir = freshCache() } = options;
  await assert.rejects(get(hub, cacheDir, options), (error: unknown) => {
    assert.ok(error instanceof WkvError || (error as Error).name === "WkvError", String(error));
    assert.equal((error as WkvError).code, code, String(error));
    assert.match((error as Error).message, message);
    return true;
  });
  const store = await diskStore(cacheDir);
  assert.equal(await store.find(options.source ?? "hf:org/repo"), undefined);
  assert.equal(
    (await store.list()).some(({ whole }) => whole),
    false,
  );
}

/** Bytes of files that were asked for. */
export function bytesAsked(hub: HubServer): number {
  const sizes = hub.requests
    .map(({ range }) => /^bytes=(\d+)-(\d+)$/.exec(range ?? ""))
    .filter((found) => found !== null);
  return sizes.reduce((sum, [, first, last]) => sum + Number(last) - Number(first) + 1, 0);
}

export function webAddress(hub: HubServer, file = "model.pth"): string {
  return `${hub.endpoint}/web/cdn/${file}`;
}
