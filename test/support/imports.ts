// The imports of host/, types included, and what the rules of ARCHITECTURE.md say against them.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** A file below host/ and the files below host/ that it imports. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** Rooms from the top down: a room imports from lower rows, or from its own row where that makes no circle. */
export const LAYERS: readonly (readonly string[])[] = [
  ["cli", "inline", "index.ts"],
  ["server", "ai-sdk", "langchain"],
  ["chat", "inspect", "convert", "measure"],
  ["model"],
  ["session"],
  ["prompt", "state", "loading", "platform"],
  ["engine", "constraint", "sampling"],
  ["tokenizer", "models"],
  ["checkpoint"],
  ["source"],
  ["options"],
  ["errors.ts"],
];

/** An alias is its interface; which file implements it is decided by package.json. */
const ALIASES: Readonly<Record<string, string>> = {
  "#platform": "engine/platform.ts",
  "#files": "source/disk/none.ts",
  "#sample": "sampling/embedded.ts",
};

const IMPORT = /^(?:import|export)\b[^;]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;

export function readGraph(root = "host"): Graph {
  const files = (readdirSync(root, { recursive: true }) as string[]).filter((name) => name.endsWith(".ts")).sort();
  return new Map(files.map((file) => [file, importsOf(file, readFileSync(join(root, file), "utf8"))]));
}

/** @param file path below host/ */
export function importsOf(file: string, source: string): string[] {
  const names = [...source.matchAll(IMPORT)].map(([, from, only, dynamic]) => from ?? only ?? dynamic ?? "");
  const inside = names.map((name) => target(file, name)).filter((name) => name !== undefined);
  return [...new Set(inside)];
}

function target(file: string, name: string): string | undefined {
  if (name.startsWith("#")) {
    if (!(name in ALIASES))
      throw new Error(`host/${file} imports ${name}: add it to ALIASES in test/support/imports.ts`);
    return ALIASES[name];
  }
  if (!name.startsWith(".")) return undefined;
  const path = normalize(join(dirname(file), name));
  return path.startsWith("..") || !path.endsWith(".ts") ? undefined : path;
}

/** The folder below host/ that a file is in, or the file's own name. */
export function roomOf(file: string): string {
  return file.split("/")[0] as string;
}

export function roomsOf(graph: Graph): Graph {
  const rooms = new Map<string, Set<string>>();
  for (const [file, imports] of graph) {
    const room = roomOf(file);
    const others = imports.map(roomOf).filter((other) => other !== room);
    rooms.set(room, new Set([...(rooms.get(room) ?? []), ...others]));
  }
  return new Map([...rooms].map(([room, others]) => [room, [...others]]));
}

/** Groups of nodes that reach one another (Tarjan), each as one sorted line; groups of one node that do not import themselves are left out. */
export function circles(graph: Graph): string[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1 || graph.get(node)?.includes(node)) found.push(group.sort().join(" ↔ "));
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found.sort();
}

/** Imports of a higher room, and files in rooms that LAYERS does not name. */
export function upward(graph: Graph): string[] {
  const rank = (file: string) => LAYERS.findIndex((row) => row.includes(roomOf(file)));
  const lines: string[] = [];
  for (const [file, imports] of graph) {
    if (rank(file) < 0) lines.push(`${file} is in no room of LAYERS`);
    for (const other of imports) if (rank(other) < rank(file)) lines.push(`${file} → ${other}`);
  }
  return lines;
}

/** Files of host/ in no room. */
export function roomless(graph: Graph): string[] {
  return [...graph.keys()].filter((file) => !file.includes("/") && file !== "index.ts" && file !== "errors.ts");
}
