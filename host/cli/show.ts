import { existsSync } from "node:fs";
import type { Command } from "commander";
import { inspectModel } from "../inspect/inspect.ts";
import { diskStore } from "../source/cache/disk-store.ts";
import { bundledModel } from "../source/disk/bundled.ts";
import { isAddress } from "../source/net/address.ts";
import { CATALOGUE, type CataloguedModel, catalogued, sourceOf } from "./catalogue.ts";
import { UsageError } from "./failure.ts";
import { summary } from "./inspect.ts";
import { cachedAddress } from "./list.ts";
import { fittingWeights, freeMemory, needsOf } from "./needs.ts";
import { print, printJson } from "./output.ts";
import { type Row, size, table } from "./table.ts";

export function addShow(program: Command): void {
  program
    .command("show")
    .description("Shows what a model is, what it needs, and whether it fits this machine.")
    .argument("<NAME>", "as wkv list has it, an address, or a file")
    .option("--json", "one JSON object")
    .addHelpText("after", "\nExamples:\n  $ wkv show rwkv7-g1-0.1b\n  $ wkv show box")
    .action(show);
}

async function show(name: string, { json }: { json?: boolean }): Promise<void> {
  const model = catalogued(name);
  if (!model && !bundledModel(name) && !isAddress(name) && !existsSync(name)) throw unknownName(name);
  const isHere = !model || (await cachedAddress(await diskStore(), model)) !== undefined;
  const inspection = isHere ? await inspectModel(sourceOf(name)) : undefined;
  if (json) {
    const { tensors: _, ...file } = inspection ?? { tensors: [] };
    return printJson({
      ...(model && { ...model, ...needsOf(model), free: freeMemory(), downloaded: isHere }),
      ...file,
    });
  }
  const rows = [...(model ? publishedRows(model, isHere) : []), ...(inspection ? summary(inspection) : [])];
  await print(`${name}\n${table(rows)}`);
}

export function unknownName(name: string): UsageError {
  return new UsageError(
    `there is no model ${name}: give a file, an address, box, or one of ${CATALOGUE.map((each) => each.name).join(", ")}.`,
  );
}

function publishedRows(model: CataloguedModel, isHere: boolean): Row[] {
  const needs = needsOf(model);
  const free = freeMemory();
  const format = fittingWeights(needs, free);
  const { int8, int4 } = needs.memory;
  return [
    ["source", model.source],
    ["for", model.use],
    ["download", isHere ? "done" : `about ${size(needs.download)}`],
    ["needs", `int8: ${size(int8.total)}, int4: ${size(int4.total)}`],
    ["fits here", `${format ? `yes, as ${format}` : "no"}: ${size(free)} are free`],
    ["verified", model.verified ? "yes" : "not yet: please report how it runs"],
  ];
}
