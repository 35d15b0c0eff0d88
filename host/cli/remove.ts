import type { Command } from "commander";
import { diskStore } from "../source/cache/disk-store.ts";
import { bundledModel } from "../source/disk/bundled.ts";
import { removeOne } from "./cache.ts";
import { UsageError } from "./failure.ts";

export function addRemove(program: Command): void {
  program
    .command("rm")
    .description("Removes downloaded models.")
    .argument("<NAME...>", "as wkv list or wkv cache lists them")
    .addHelpText("after", "\nExample:\n  $ wkv rm rwkv7-g1-0.1b")
    .action(remove);
}

async function remove(names: string[]): Promise<void> {
  const bundled = names.find((name) => bundledModel(name) !== undefined);
  if (bundled) throw new UsageError(`${bundled} comes with wkv, and goes with it: npm uninstall wkv.`);
  const store = await diskStore();
  for (const name of names) await removeOne(store, name);
}
