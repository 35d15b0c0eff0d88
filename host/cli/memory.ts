import { WEIGHT_FORMAT_NAMES } from "../checkpoint/weight-formats.ts";
import { type PublishedMemory, publishedMemory } from "../inspect/published-memory.ts";
import { print, printJson } from "./output.ts";

/** Per-thread buffers are small, and the table should be the same on every machine. */
const THREADS = 4;
/** Bytes of an isolate on Cloudflare, of which V8's heap and buffers take about 15 MB. */
const ISOLATE = 128 * 2 ** 20;

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
    "int4, embedding outside: in all",
    "in an isolate",
  ];
  const rows = [head, head.map(() => "---"), ...models.map(row)];
  return rows.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function row(model: PublishedMemory): string[] {
  const { name, layers, width, parameters, session, embedding, smallest, weights: formats } = model;
  const sizes = WEIGHT_FORMAT_NAMES.map((name) => formats[name]).flatMap(({ weights, total }) => [
    mb(weights),
    orTooLarge(total, 2 ** 32),
  ]);
  return [
    name,
    `${layers} × ${width}`,
    `${(parameters / 1e6).toFixed(0)} M`,
    ...sizes,
    `${(session / 1e6).toFixed(1)} MB`,
    mb(embedding),
    orTooLarge(smallest.threads, 2 ** 32),
    orTooLarge(smallest.isolate, ISOLATE),
  ];
}

function orTooLarge(bytes: number, limit: number): string {
  return bytes > limit ? `${mb(bytes)}: too large` : mb(bytes);
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
