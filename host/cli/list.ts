import type { Command } from "commander";
import { inspectModel } from "../inspect/inspect.ts";
import { diskStore } from "../source/cache/disk-store.ts";
import type { CachedModel, Store } from "../source/cache/store.ts";
import { bundledModel } from "../source/disk/bundled.ts";
import { addressText, parseAddress } from "../source/net/address.ts";
import { hubEndpoint } from "../source/net/hub.ts";
import { CATALOGUE, type CataloguedModel } from "./catalogue.ts";
import { chosenModel } from "./default-model.ts";
import { fittingWeights, freeMemory, needsOf } from "./needs.ts";
import { note, print, printJson } from "./output.ts";
import { size, table } from "./table.ts";

const HELP = `
Memory is that of the model as int8, with a session. "fits" says whether that much is free here now, or as int4 half of it.

Examples:
  $ wkv list
  $ wkv list --json`;

/** A model that has a name, or was downloaded. */
interface Listed {
  readonly name: string;
  readonly state: "bundled" | "downloaded" | "unfinished" | "published";
  readonly source?: string;
  /** Of the file; about, where it has not been downloaded. */
  readonly bytes?: number;
  readonly memory?: number;
  /** How it fits into the memory that is free now; null: not at all. */
  readonly fits?: string | null;
  readonly use?: string;
  readonly verified?: boolean;
}

export function addList(program: Command): void {
  program
    .command("list")
    .description("Lists models by name: those that come with wkv, were downloaded, or can be.")
    .option("--json", "one JSON array: name, state, source, bytes, memory, fits, use, verified")
    .addHelpText("after", HELP)
    .action(list);
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const models = await listModels();
  if (json) return printJson(models);
  const chosen = await chosenModel();
  const [named, others] = [models.filter(({ use }) => use), models.filter(({ use }) => !use)];
  const head = ["", "name", "state", "size", "memory", "fits", "for"];
  await print(table([head, ...named.map((model) => [model.name === chosen ? "*" : "", ...cells(model)])]));
  await print(others.map(({ name, state, bytes = 0 }) => `  ${name}\n    ${state}, ${size(bytes)}\n`).join(""));
  if (chosen) note(`${chosen} is the default (wkv use, WKV_MODEL)`);
  note("of the published models none has been tried by wkv's developers yet; wkv pull NAME downloads one");
}

async function listModels(): Promise<Listed[]> {
  const store = await diskStore();
  const cached = await store.list();
  const addresses = await Promise.all(CATALOGUE.map((model) => cachedAddress(store, model)));
  const rest = cached.filter(({ address }) => !addresses.includes(address));
  return [
    ...(await Promise.all(BUNDLED.map(bundled))).flat(),
    ...CATALOGUE.map((model, i) =>
      published(
        model,
        cached.find(({ address }) => address === addresses[i]),
      ),
    ),
    ...rest.map(({ address, bytes, whole }) => ({
      name: address,
      state: whole ? ("downloaded" as const) : ("unfinished" as const),
      source: address,
      bytes,
    })),
  ];
}

const BUNDLED: readonly Listed[] = [
  { name: "box", state: "bundled", use: "questions about facts that it is given, fairy tales", verified: true },
];

/** With its size; nothing, if the installation lacks it. */
async function bundled(model: Listed): Promise<Listed[]> {
  const path = bundledModel(model.name);
  if (!path) return [];
  const { bytes, memory } = await inspectModel(path);
  const { total } = memory!.int8!;
  return [{ ...model, bytes, memory: total, fits: total <= freeMemory() ? "int8" : null }];
}

/** Under which address the cache has a model; undefined: it has not. */
export async function cachedAddress(store: Store, { source }: CataloguedModel): Promise<string | undefined> {
  return (await store.find(addressText(parseAddress(source, hubEndpoint({})))))?.address;
}

function published(model: CataloguedModel, cached: CachedModel | undefined): Listed {
  const { name, source, use, verified } = model;
  const needs = needsOf(model);
  return {
    name,
    state: cached ? "downloaded" : "published",
    source,
    bytes: cached?.bytes ?? needs.download,
    memory: needs.memory.int8.total,
    fits: fittingWeights(needs, freeMemory()) ?? null,
    use,
    verified,
  };
}

function cells({ name, state, bytes, memory, fits, use = "" }: Listed): string[] {
  const room = fits === undefined ? "" : fits === null ? "no" : fits === "int8" ? "yes" : `as ${fits}`;
  return [name, state, bytes ? size(bytes) : "", memory ? size(memory) : "", room, use];
}
