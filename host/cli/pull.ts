import type { Command } from "commander";
import { openModelFile } from "../checkpoint/open.ts";
import { bundledModel } from "../source/disk/bundled.ts";
import { isAddress } from "../source/net/address.ts";
import { CATALOGUE, catalogued, sourceOf } from "./catalogue.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { fittingWeights, freeMemory, needsOf } from "./needs.ts";
import { note, print, statusLine } from "./output.ts";
import { progressLines } from "./progress.ts";

const HELP = `
NAME is one that wkv list has, or an address: hf:ORG/REPO, hf:ORG/REPO/FILE, hf:ORG/REPO:Q8_0 or https://... . A download
that was cut off goes on where it ended. The path of the model goes to standard output.

Examples:
  $ wkv pull ${CATALOGUE[0]?.name}
  $ wkv pull hf:ORG/REPO:Q8_0`;

export function addPull(program: Command): void {
  program
    .command("pull")
    .description("Downloads a model.")
    .argument("<NAME>", "a published model's name, or an address")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", HELP)
    .action(pull);
}

async function pull(name: string, { quiet }: { quiet?: boolean }): Promise<void> {
  if (bundledModel(name)) throw new UsageError(`${name} comes with wkv: there is nothing to download.`);
  const source = sourceOf(name);
  if (!isAddress(source))
    throw new UsageError(
      `${name} is neither an address nor one of ${CATALOGUE.map((model) => model.name).join(", ")}.`,
    );
  if (!quiet) warnOfMemory(name);
  await interruptible(async (signal) => {
    const status = statusLine(quiet);
    const text = progressLines("checking");
    const file = await openModelFile(source, { signal, onProgress: (progress) => status.show(text(progress)) }).finally(
      () => status.clear(),
    );
    await file.close();
    await print(`${file.name}\n`);
  });
}

/** Before a long download that would be of no use. */
function warnOfMemory(name: string): void {
  const model = catalogued(name);
  if (model && !fittingWeights(needsOf(model), freeMemory()))
    note(`warning: ${name} needs more memory than is free here now (wkv show ${name})`);
}
