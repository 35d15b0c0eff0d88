import { WEIGHT_FORMAT_NAMES } from "../checkpoint/weight-formats.ts";
import { type PublishedMemory, publishedMemory } from "../inspect/published-memory.ts";
import { print, printJson } from "./output.ts";

/** Per-thread buffers are small, and the table should be the same on every machine. */
const THREADS = 4;

/** Memory of published shapes: the table of docs/memory.md, or JSON. */
export async function printMemory({ json }: { json?: boolean }): Promise<void> {
  const models = publishedMemory(THREADS);
  await (json ? printJson(models) : print(table(models)));
}

function table(models: readonly PublishedMemory[]): string {
  const head = [
    "Model",
    "Layers × width",
    "Parameters",
    ...WEIGHT_FORMAT_NAMES.flatMap((name) => [`${name}: weights`, "in all"]),
    "A session",
    "Embedding outside saves",
  ];
  const rows = [head, head.map(() => "---"), ...models.map(row)];
  return rows.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function row({ name, layers, width, parameters, session, embedding, weights: formats }: PublishedMemory): string[] {
  const sizes = WEIGHT_FORMAT_NAMES.map((name) => formats[name]).flatMap(({ weights, total, fits }) => [
    mb(weights),
    fits ? mb(total) : `${mb(total)}: too large`,
  ]);
  return [
    name,
    `${layers} × ${width}`,
    `${(parameters / 1e6).toFixed(0)} M`,
    ...sizes,
    `${(session / 1e6).toFixed(1)} MB`,
    mb(embedding),
  ];
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
