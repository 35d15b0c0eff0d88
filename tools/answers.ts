/** How well a model answers the questions of training/eval.json, by kind, layout and distance. */
import { readFileSync } from "node:fs";
import type { GenerateOptions, Model } from "wkv";

/** A prompt as it is fed, from an empty state, and the text that has to follow. */
export interface Item {
  readonly kind: string;
  readonly prompt: string;
  readonly completion: string;
  /** Where the question is; of documents without material "question-last". */
  readonly layout: string;
  readonly n_facts: number;
  /** From the end of the fact to the end of the prompt; 0 where there is no fact. */
  readonly distance_tokens: number;
  readonly prompt_tokens: number;
  /** "on" with a thought, "fake" with an empty one. */
  readonly thinks: "off" | "on" | "fake";
}

export type Arranged = Pick<GenerateOptions, "questionFirst" | "readTwice">;

export type Rows = Map<string, { right: number; items: number }>;

export function readItems(): Item[] {
  return JSON.parse(readFileSync(new URL("../training/eval.json", import.meta.url), "utf8")) as Item[];
}

/** Whether the likeliest tokens after the prompt are exactly the answer's, the empty line after it included. */
export async function isRight(model: Model, { prompt, completion }: Item, arranged: Arranged = {}): Promise<boolean> {
  const session = model.createSession();
  try {
    const expected = Array.from(model.tokenizer.encode(completion));
    const options = { ...arranged, temperature: 0, maxTokens: expected.length };
    const made: number[] = [];
    for await (const { token } of session.generate(prompt, options)) made.push(token);
    return expected.every((token, i) => made[i] === token);
  } finally {
    session.dispose();
  }
}

const DISTANCES = [
  [30, "1-30"],
  [100, "31-100"],
  [300, "101-300"],
  [1000, "301-1000"],
  [Infinity, "over 1000"],
] as const;
const FACTS = [
  [4, "1-4"],
  [10, "5-10"],
  [20, "11-20"],
  [Infinity, "21-40"],
] as const;

function upTo(limits: readonly (readonly [number, string])[], value: number): string {
  return limits.find(([limit]) => value <= limit)![1];
}

export function distanceOf({ distance_tokens: n }: Item): string | undefined {
  return n ? upTo(DISTANCES, n) : undefined;
}

/** What the items are counted by; undefined: not in this table. */
const TABLES: Record<string, (item: Item) => string | undefined> = {
  all: ({ kind }) => (kind === "talk" ? undefined : "without talk"),
  kind: ({ kind }) => kind,
  layout: ({ layout, distance_tokens }) => (distance_tokens ? layout : undefined),
  "tokens from the fact": distanceOf,
  "recall, facts": ({ kind, n_facts }) => (kind === "recall" ? upTo(FACTS, n_facts) : undefined),
  "pairs in the table": ({ kind, n_facts }) => (kind === "pairs" ? upTo(FACTS, n_facts) : undefined),
};

/** Table to row to counts, rows in the order of the limits or by name. */
export function tables(items: readonly Item[], right: readonly boolean[]): Map<string, Rows> {
  const order = [...DISTANCES, ...FACTS].map(([, name]) => name as string);
  return new Map(
    Object.entries(TABLES).map(([name, rowOf]) => {
      const rows: Rows = new Map();
      for (const [i, item] of items.entries()) {
        const key = rowOf(item);
        if (key === undefined) continue;
        const row = rows.get(key) ?? { right: 0, items: 0 };
        rows.set(key, { right: row.right + Number(right[i]), items: row.items + 1 });
      }
      const sorted = [...rows].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b) || a.localeCompare(b));
      return [name, new Map(sorted)];
    }),
  );
}
