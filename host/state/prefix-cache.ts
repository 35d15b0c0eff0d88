import { bytesOf, type Snapshot } from "../engine/state-layout.ts";
import type { Shape } from "../models/version.ts";
import { type PrefixNode, PrefixTree } from "./prefix-tree.ts";

export interface PrefixCacheOptions {
  /** Limit in bytes, outside the model's memory. 0: no cache. */
  readonly maxBytes: number;
}

/** Counters of the prefix cache. */
export interface PrefixCacheStats {
  /** Prompts that started from a state in the cache, and prompts that did not. */
  readonly hits: number;
  readonly misses: number;
  /** Prompt tokens that did not have to be read. */
  readonly tokensSaved: number;
  /** States in the cache, and states evicted from it. */
  readonly states: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

/** The tokens a session has read, and the state it started from. Grows with the session. */
export interface History {
  /** The session's initial state, if it is not the model's. */
  readonly initial: Snapshot | undefined;
  readonly tokens: number[];
}

export interface Lookup {
  /** The cached state to start from, if any, and how many of the prompt's tokens it has read. */
  readonly snapshot: Snapshot | undefined;
  readonly matched: number;
  /** After how many of the prompt's tokens to insert the state into the cache. */
  readonly keepAt: readonly number[];
}

/** Everything read from one initial state. */
interface Root {
  readonly initial: Snapshot | undefined;
  readonly tree: PrefixTree<Snapshot>;
}

/** Reading fewer tokens than this is cheaper than a state: docs/sessions.md has the cost of both. */
const MIN_TOKENS = 16;
/** Allowance for the tokens that lead to a state. */
const MORE_BYTES = 4096;
/** Longer histories are dropped, so that an endless session uses bounded memory. */
const MAX_TOKENS = 2 ** 20;

/**
 * States by the tokens that lead to them, for all sessions of a model. A state is kept at the end of a prompt, at the
 * end of a generation, and where a prompt diverges from an earlier one: what two prompts share is likely to come again.
 * The least recently used state is evicted first.
 */
export class PrefixCache {
  readonly #maxBytes: number;
  readonly #roots = new Set<Root>();
  /** Least recently used first. */
  readonly #recent = new Map<PrefixNode<Snapshot>, Root>();
  #stateBytes = 0;
  #hits = 0;
  #misses = 0;
  #tokensSaved = 0;
  #dropped = 0;

  /** @throws RangeError if not even one state of the model fits */
  constructor({ layers, layerState, vocabSize }: Shape, { maxBytes }: PrefixCacheOptions = { maxBytes: 0 }) {
    const least = 4 * (layers * layerState + vocabSize) + MORE_BYTES;
    if (typeof maxBytes !== "number" || (maxBytes !== 0 && !(maxBytes >= least)))
      throw new RangeError(
        `"prefixCache.maxBytes" expected 0 or at least ${least} for one state of this model, got ${maxBytes}`,
      );
    this.#maxBytes = maxBytes;
  }

  get stats(): PrefixCacheStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      tokensSaved: this.#tokensSaved,
      states: this.#recent.size,
      dropped: this.#dropped,
      bytes: this.#bytes(),
      maxBytes: this.#maxBytes,
    };
  }

  /** The history of a new session; undefined without a cache. */
  begin(initial?: Snapshot): History | undefined {
    if (this.#maxBytes === 0) return undefined;
    return { initial: this.#rootOf(initial)?.initial ?? initial, tokens: [] };
  }

  /** Appends tokens; undefined if there are too many. */
  extend(history: History | undefined, tokens: readonly number[]): History | undefined {
    if (!history || history.tokens.length + tokens.length > MAX_TOKENS) return undefined;
    for (const token of tokens) history.tokens.push(token);
    return history;
  }

  /** How to read a prompt. Counts a hit or a miss, except for prompts too short to cache. */
  lookup({ initial, tokens }: History, prompt: readonly number[]): Lookup {
    if (prompt.length < MIN_TOKENS) return { snapshot: undefined, matched: 0, keepAt: [] };
    const root = this.#rootOf(initial);
    const { node, depth, common } = root?.tree.match([...tokens, ...prompt]) ?? { depth: 0, common: 0 };
    const matched = Math.max(0, depth - tokens.length);
    const snapshot = matched > 0 ? node?.value : undefined;
    if (snapshot) this.#use(node as PrefixNode<Snapshot>, root as Root);
    this.#hits += snapshot ? 1 : 0;
    this.#misses += snapshot ? 0 : 1;
    this.#tokensSaved += matched;
    const ends = [common - tokens.length, prompt.length];
    return { snapshot, matched, keepAt: ends.filter((end) => end - matched >= MIN_TOKENS) };
  }

  /** Whether a history that had `length` tokens has grown enough to insert its state. */
  isWorthKeeping(history: History | undefined, length: number): boolean {
    return history !== undefined && history.tokens.length - length >= MIN_TOKENS;
  }

  /** @param snapshot belongs to the cache afterwards */
  insert({ initial, tokens }: History, snapshot: Snapshot): void {
    if (bytesOf(snapshot) > this.#maxBytes) return;
    const root = this.#rootOf(initial) ?? this.#addRoot(initial);
    const node = root.tree.insert(tokens);
    if (!node.value) {
      node.value = snapshot;
      this.#stateBytes += bytesOf(snapshot);
    }
    this.#use(node, root);
    while (this.#bytes() > this.#maxBytes) this.#dropOldest();
  }

  /** Drops every state. */
  clear(): void {
    this.#roots.clear();
    this.#recent.clear();
    this.#stateBytes = 0;
  }

  #use(node: PrefixNode<Snapshot>, root: Root): void {
    this.#recent.delete(node);
    this.#recent.set(node, root);
  }

  #dropOldest(): void {
    const [[node, root] = []] = this.#recent;
    if (!node?.value || !root) return;
    this.#recent.delete(node);
    this.#stateBytes -= bytesOf(node.value);
    this.#dropped++;
    root.tree.clear(node);
    if (root.tree.root.children.size > 0) return;
    this.#roots.delete(root);
    if (root.initial) this.#stateBytes -= bytesOf(root.initial);
  }

  #addRoot(initial: Snapshot | undefined): Root {
    const root = { initial, tree: new PrefixTree<Snapshot>() };
    this.#roots.add(root);
    if (initial) this.#stateBytes += bytesOf(initial);
    return root;
  }

  /** Compares states by value: with a forged hash one session would get another's text. */
  #rootOf(initial: Snapshot | undefined): Root | undefined {
    for (const root of this.#roots) if (isSameState(root.initial, initial)) return root;
    return undefined;
  }

  #bytes(): number {
    let bytes = this.#stateBytes;
    for (const { tree } of this.#roots) bytes += tree.bytes;
    return bytes;
  }
}

/** The same bits. */
function isSameState(one: Snapshot | undefined, other: Snapshot | undefined): boolean {
  if (one === other) return true;
  if (!one || !other) return false;
  const [a, b] = [one, other].map(({ state }) => new Uint32Array(state.buffer, state.byteOffset, state.length));
  return a !== undefined && b !== undefined && a.every((bits, i) => bits === b[i]);
}
