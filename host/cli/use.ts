import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { bundledModel } from "../source/disk/bundled.ts";
import { isAddress } from "../source/net/address.ts";
import { catalogued } from "./catalogue.ts";
import { chooseModel, chosenModel } from "./default-model.ts";
import { UsageError } from "./failure.ts";
import { note, print } from "./output.ts";
import { unknownName } from "./show.ts";

const HELP = `
The choice is kept in $XDG_CONFIG_HOME/wkv/model, else in ~/.config/wkv/model. The environment variable WKV_MODEL goes before
it. It applies to run, chat, serve, batch and bench; without one they take the models that come with wkv.

Examples:
  $ wkv use rwkv7-g1-0.1b
  $ wkv use ./model.gguf
  $ wkv use
  $ wkv use --reset`;

export function addUse(program: Command): void {
  program
    .command("use")
    .description("Chooses the model of commands that are given none.")
    .argument("[NAME]", "as wkv list has it, an address, or a file; without it: says which one it is")
    .option("--reset", "the model that comes with wkv again")
    .addHelpText("after", HELP)
    .action(use);
}

async function use(name: string | undefined, { reset }: { reset?: boolean }): Promise<void> {
  if (name !== undefined && reset) throw new UsageError("give a NAME or --reset, not both.");
  if (reset) return chooseModel(undefined);
  if (name === undefined) return print(`${(await chosenModel()) ?? "box, which comes with wkv"}\n`);
  await chooseModel(lasting(name));
  if (process.env.WKV_MODEL) note(`WKV_MODEL is set to ${process.env.WKV_MODEL}, and goes before it`);
}

/** What names the model from any folder. */
function lasting(name: string): string {
  if (bundledModel(name) || catalogued(name) || isAddress(name)) return name;
  if (existsSync(name)) return resolve(name);
  throw unknownName(name);
}
