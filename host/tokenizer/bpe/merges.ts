import type { BpeJson } from "./json.ts";

/** A merge of two tokens: how early it comes, and what they become. */
interface Merge {
  readonly rank: number;
  readonly id: number;
}

/** Ids are below: two make one number. */
const IDS = 2 ** 20;
/** Positions are below: a rank and a position make one number. */
const POSITIONS = 2 ** 31;
/** Pieces that are remembered: words come again and again. */
const MAX_CACHED = 20_000;
const MAX_CACHED_LENGTH = 40;

/** Byte-pair encoding: of all pairs of neighbours that may be merged, the earliest is, the leftmost first, until none is left. */
export class Merges {
  /** By left id · IDS + right id. */
  readonly #merges = new Map<number, Merge>();
  readonly #cache = new Map<string, readonly number[]>();

  /** @throws SyntaxError for a merge of something that is not a token */
  constructor({ merges }: BpeJson, idOf: ReadonlyMap<string, number>) {
    const known = (token: string): number => {
      const id = idOf.get(token);
      if (id === undefined)
        throw new SyntaxError(`a merge needs the token ${JSON.stringify(token.slice(0, 100))}, which is missing`);
      return id;
    };
    for (const [rank, merge] of merges.entries()) {
      const [left, right] = typeof merge === "string" ? (merge.split(" ", 2) as [string, string]) : merge;
      if (typeof left !== "string" || typeof right !== "string")
        throw new SyntaxError(`merge ${rank} is no pair of tokens`);
      this.#merges.set(known(left) * IDS + known(right), { rank, id: known(left + right) });
    }
  }

  /**
   * Time grows with n log n.
   * @param piece by which the result is remembered
   * @param ids those of its bytes, which are overwritten
   */
  encode(piece: string, ids: () => number[]): readonly number[] {
    const cached = this.#cache.get(piece);
    if (cached) return cached;
    const merged = this.#merge(ids());
    if (piece.length <= MAX_CACHED_LENGTH) {
      if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
      this.#cache.set(piece, merged);
    }
    return merged;
  }

  /** A list of tokens, each linked to its neighbours, and a heap of the merges that are possible. */
  #merge(ids: number[]): number[] {
    const count = ids.length;
    const next = Int32Array.from(ids, (_, i) => i + 1);
    const before = Int32Array.from(ids, (_, i) => i - 1);
    const heap = new Heap();
    const find = (at: number): Merge | undefined =>
      at >= 0 && next[at]! < count ? this.#merges.get(ids[at]! * IDS + ids[next[at]!]!) : undefined;
    const propose = (at: number) => {
      const merge = find(at);
      if (merge) heap.push(merge.rank * POSITIONS + at);
    };
    for (let at = 0; at < count - 1; at++) propose(at);
    for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
      const at = entry % POSITIONS;
      const merge = ids[at]! < 0 ? undefined : find(at);
      if (merge?.rank !== (entry - at) / POSITIONS) continue; // one of the two has been merged since
      const gone = next[at]!;
      ids[at] = merge!.id;
      ids[gone] = -1;
      next[at] = next[gone]!;
      if (next[at]! < count) before[next[at]!] = at;
      propose(before[at]!);
      propose(at);
    }
    return ids.filter((id) => id >= 0);
  }
}

/** The smallest number first. */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= item) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const smallest = items[0];
    const last = items.pop();
    if (items.length > 0) this.#sink(last as number);
    return smallest;
  }

  /** Puts an item where the first one was. */
  #sink(item: number): void {
    const items = this.#items;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= item) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}
