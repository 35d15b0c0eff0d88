import { type Choices, EDGES, ODD_STRINGS } from "./choices.ts";

const ODD_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, -(2 ** 31), "", "0", [], {}, [[]], [0, 0], [-1], [1e9, 1e9]],
  { toString: 1, valueOf: null, length: 2, 0: 1, 1: 2 },
];
const HOLE = "@@deeply nested@@";

type Node = readonly [parent: Record<string | number, unknown>, key: string | number];

/** JSON text of a value with one to three changes, now and then nested 100,000 deep, with a key twice, or cut. */
export function mutateJson(value: unknown, choose: Choices): string {
  const root = { value: structuredClone(value) };
  let depth = 0;
  choose.times(3, () => {
    const node = choose.pick(nodesOf(root.value, [root, "value"]));
    if (choose.chance(0.05)) {
      depth = choose.pick([10, 1000, 100_000]);
      node[0][node[1]] = HOLE;
    } else choose.pick(CHANGES)(node, choose);
  });
  let text = JSON.stringify(root.value) ?? "null";
  if (depth > 0) text = text.replace(JSON.stringify(HOLE), () => nested(depth, choose));
  if (choose.chance(0.05)) text = text.replace("{", () => `{${choose.pick(ODD_KEYS)},`);
  if (choose.chance(0.05)) text = text.slice(0, choose.int(text.length));
  return choose.chance(0.05) ? text + choose.pick(["\u0000", "}", "[", " ".repeat(1000)]) : text;
}

const ODD_KEYS = ['"__proto__":{"a":1}', '"a":1,"a":2', '"":0'];

function nodesOf(value: unknown, own: Node): Node[] {
  if (value === null || typeof value !== "object") return [own];
  const parent = value as Record<string, unknown>;
  return [own, ...Object.keys(parent).flatMap((key) => nodesOf(parent[key], [parent, key]))];
}

function nested(depth: number, choose: Choices): string {
  const [open, close] = choose.pick([["[", "]"] as const, ['{"a":', "}"] as const]);
  return open.repeat(depth) + (choose.chance(0.3) ? `1${close.repeat(depth)}` : "");
}

const CHANGES: readonly ((node: Node, choose: Choices) => void)[] = [
  ([parent, key], choose) => (parent[key] = structuredClone(choose.pick(ODD_VALUES))),
  ([parent, key], choose) => (parent[key] = choose.pick(ODD_STRINGS)),
  ([parent, key]) => (Array.isArray(parent) ? parent.splice(Number(key), 1) : delete parent[key]),
  ([parent, key]) => Array.isArray(parent) && parent.splice(Number(key), 0, structuredClone(parent[key])),
  ([parent, key], choose) => define(parent, choose.pick(ODD_STRINGS), parent[key]),
  ([parent, key], choose) => changeNumber(parent, key, choose),
  ([parent, key], choose) => changeString(parent, key, choose),
];

function define(parent: Node[0], key: string, value: unknown): void {
  if (Array.isArray(parent)) return;
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function changeNumber(parent: Node[0], key: Node[1], choose: Choices): void {
  const value = parent[key];
  if (typeof value !== "number") return;
  parent[key] = choose.chance(0.5) ? Number(choose.pick(EDGES)) : value + choose.pick([1, -1, 0.5, 2 ** 32, 31, -32]);
}

function changeString(parent: Node[0], key: Node[1], choose: Choices): void {
  const value = parent[key];
  if (typeof value !== "string") return;
  const at = choose.int(value.length + 1);
  parent[key] = value.slice(0, at) + choose.pick(["", "\u0000", "x", "\u001b"]) + value.slice(choose.int(at + 1));
}
