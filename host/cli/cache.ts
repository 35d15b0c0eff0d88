import type { Command } from "commander";
import { WkvError } from "../errors.ts";
import { diskStore } from "../source/cache/disk-store.ts";
import type { CachedModel, Store } from "../source/cache/store.ts";
import { megabytes } from "../source/megabytes.ts";
import { addressText, isAddress, parseAddress } from "../source/net/address.ts";
import { hubEndpoint } from "../source/net/hub.ts";
import { UsageError } from "./failure.ts";
import { note, print, printJson } from "./output.ts";

const HELP = `
Downloads are in $XDG_CACHE_HOME/wkv, else in ~/.cache/wkv. A model that is there is used without asking the net: to have
a newer one, remove it first. A download that was cut off goes on where it ended when its model is asked for again.

Examples:
  $ wkv cache
  $ wkv cache --json
  $ wkv cache rm hf:ORG/REPO`;

export function addCache(program: Command): void {
  const cache = program
    .command("cache")
    .description("Lists what was downloaded, and removes it.")
    .option("--json", "one JSON array: address, bytes, whole, path, fetched")
    .addHelpText("after", HELP)
    .action(list);
  cache
    .command("rm")
    .description("Removes downloads.")
    .argument("[ADDRESS...]", "as wkv cache lists them")
    .option("--all", "everything")
    .option("--unfinished", "what was cut off")
    .action(remove);
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const listed = await (await diskStore()).list();
  if (json) return printJson(listed);
  if (listed.length === 0) return note("nothing was downloaded");
  await print(listed.map(line).join(""));
}

function line({ address, bytes, whole, fetched, path }: CachedModel): string {
  const state = whole ? `fetched ${fetched?.slice(0, 10)}` : "unfinished";
  return `${address}\n  ${megabytes(bytes)}, ${state}\n  ${path}\n`;
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

async function removeOne(store: Store, address: string): Promise<void> {
  const known = isAddress(address) ? addressText(parseAddress(address, hubEndpoint({}))) : address;
  if (!(await store.remove(known))) throw new WkvError("not-found", `${address} was not downloaded: see wkv cache.`);
}
