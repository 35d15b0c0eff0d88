import type { Command } from "commander";
import { WkvError } from "../errors.ts";
import { diskStore } from "../source/cache/disk-store.ts";
import type { CachedModel, Store } from "../source/cache/store.ts";
import { megabytes } from "../source/megabytes.ts";
import { addressText, isAddress, parseAddress } from "../source/net/address.ts";
import { hubEndpoint } from "../source/net/hub.ts";
import { sourceOf } from "./catalogue.ts";
import { UsageError } from "./failure.ts";
import { inLine, note, print, printJson } from "./output.ts";

const HELP = `
Downloads are in $XDG_CACHE_HOME/wkv, else in ~/.cache/wkv. A cached model is used without any request: to get a
newer one, remove it first. A partial download resumes when its model is requested again.

Examples:
  $ wkv cache
  $ wkv cache --json
  $ wkv cache rm hf:ORG/REPO`;

export function addCache(program: Command): void {
  const cache = program
    .command("cache")
    .description("Lists downloads, and removes them.")
    .option("--json", "one JSON array: address, bytes, whole, path, fetched")
    .addHelpText("after", HELP)
    .action(list);
  cache
    .command("rm")
    .description("Removes downloads.")
    .argument("[ADDRESS...]", "as listed by wkv cache")
    .option("--all", "everything")
    .option("--unfinished", "partial downloads")
    .action(remove);
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const listed = await (await diskStore()).list();
  if (json) return printJson(listed);
  if (listed.length === 0) return note("no downloads");
  await print(listed.map(line).join(""));
}

function line({ address, bytes, whole, fetched, path }: CachedModel): string {
  const state = whole ? `fetched ${fetched?.slice(0, 10)}` : "unfinished";
  return `${inLine(address)}\n  ${megabytes(bytes)}, ${inLine(state)}\n  ${inLine(path)}\n`;
}

async function remove(
  addresses: string[],
  { all, unfinished }: { all?: boolean; unfinished?: boolean },
): Promise<void> {
  if (addresses.length === 0 && !all && !unfinished)
    throw new UsageError("say what to remove: an ADDRESS, --unfinished or --all.");
  const store = await diskStore();
  const chosen = (await store.list()).filter(({ whole }) => all || (unfinished && !whole));
  for (const { address } of chosen) await store.remove(address);
  for (const address of addresses) await removeOne(store, address);
}

/** @param name an address, or the name of a published model */
export async function removeOne(store: Store, name: string): Promise<void> {
  const address = sourceOf(name);
  const known = isAddress(address) ? addressText(parseAddress(address, hubEndpoint({}))) : address;
  const kept = await store.find(known);
  if (!(await store.remove(kept?.address ?? known)))
    throw new WkvError("not-found", `${name} is not cached: see wkv cache.`);
}
