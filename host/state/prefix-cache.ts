import { bytesOf, type Snapshot } from "../engine/state-layout.ts";
import type { Shape } from "../models/version.ts";
import { type PrefixNode, PrefixTree } from "./prefix-tree.ts";

export interface PrefixCacheOptions {
  /** Most bytes that the cache may take, outside the model's memory. 0: no cache. */
  readonly maxBytes: number;
}

/** What the prefix cache has done and holds. */
export interface PrefixCacheStats {
  /** Prompts that started from a state in the cache, and prompts that did not. */
  readonly hits: number;
  readonly misses: number;
  /** Tokens of prompts that did not have to be read. */
  readonly tokensSaved: number;
  /** States in the cache, and states that were dropped to make room. */
  readonly states: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

/** What a session has read since a state that the cache can tell from others. It grows with the session. */
export interface Reading {
  /** The session's first state, where that is not the model's. */
  readonly initial: Snapshot | undefined;
  readonly tokens: number[];
}

/** What the cache says of a prompt. */
export interface Advice {
  /** Where to start, when a state is known, and how many of the prompt's tokens it has read. */
  readonly snapshot: Snapshot | undefined;
  readonly known: number;
  /** After how many of the prompt's tokens the state should be kept. */
  readonly keep: readonly number[];
}

/** Everything that was read from one initial state. */
interface Beginning {
  readonly initial: Snapshot | undefined;
  readonly tree: PrefixTree<Snapshot>;
}

/** Reading fewer tokens than these is not worth a state: see docs/sessions.md for the cost of both. */
const MIN_TOKENS = 16;
/** Room for the tokens to a state. */
const MORE_BYTES = 4096;
/** A text that is longer is not followed any further, so that a session that never ends takes no memory for it. */
const MAX_TOKENS = 2 ** 20;

/**
 * States by the tokens that lead to them, for all sessions of a model. A state is kept where a prompt ends, where a
 * generation ends, and where a prompt leaves the way of another one: what two prompts have in common is likely to come a
 * third time. The state that was not used for the longest time makes room for the next.
 */
export class PrefixCache {
  readonly #maxBytes: number;
  readonly #beginnings = new Set<Beginning>();
  /** From the one that was not used for the longest time on. */
  readonly #recent = new Map<PrefixNode<Snapshot>, Beginning>();
  #stateBytes = 0;
  #hits = 0;
  #misses = 0;
  #tokensSaved = 0;
  #dropped = 0;

  /** @throws RangeError when no state of the model would ever fit */
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

  /** What a session that begins has read; undefined when there is no cache to remember it. */
  begin(initial?: Snapshot): Reading | undefined {
    if (this.#maxBytes === 0) return undefined;
    return { initial: this.#beginningOf(initial)?.initial ?? initial, tokens: [] };
  }

  /** The same with more tokens; undefined when they became too many. */
  extend(reading: Reading | undefined, tokens: readonly number[]): Reading | undefined {
    if (!reading || reading.tokens.length + tokens.length > MAX_TOKENS) return undefined;
    for (const token of tokens) reading.tokens.push(token);
    return reading;
  }

  /** How to read a prompt; counted as a hit or a miss, but for prompts that are too short to bother. */
  advise({ initial, tokens }: Reading, prompt: readonly number[]): Advice {
    if (prompt.length < MIN_TOKENS) return { snapshot: undefined, known: 0, keep: [] };
    const beginning = this.#beginningOf(initial);
    const { node, depth, common } = beginning?.tree.match([...tokens, ...prompt]) ?? { depth: 0, common: 0 };
    const known = Math.max(0, depth - tokens.length);
    const snapshot = known > 0 ? node?.value : undefined;
    if (snapshot) this.#use(node as PrefixNode<Snapshot>, beginning as Beginning);
    this.#hits += snapshot ? 1 : 0;
    this.#misses += snapshot ? 0 : 1;
    this.#tokensSaved += known;
    const places = [common - tokens.length, prompt.length];
    return { snapshot, known, keep: places.filter((place) => place - known >= MIN_TOKENS) };
  }

  /** Whether a text that grew from `length` tokens on is worth keeping. */
  isWorthKeeping(reading: Reading | undefined, length: number): boolean {
    return reading !== undefined && reading.tokens.length - length >= MIN_TOKENS;
  }

  /** Keeps a state that no one changes any more. */
  keep({ initial, tokens }: Reading, snapshot: Snapshot): void {
    if (bytesOf(snapshot) > this.#maxBytes) return;
    const beginning = this.#beginningOf(initial) ?? this.#addBeginning(initial);
    const node = beginning.tree.reach(tokens);
    if (!node.value) {
      node.value = snapshot;
      this.#stateBytes += bytesOf(snapshot);
    }
    this.#use(node, beginning);
    while (this.#bytes() > this.#maxBytes) this.#dropOldest();
  }

  /** Lets go of every state. */
  clear(): void {
    this.#beginnings.clear();
    this.#recent.clear();
    this.#stateBytes = 0;
  }

  #use(node: PrefixNode<Snapshot>, beginning: Beginning): void {
    this.#recent.delete(node);
    this.#recent.set(node, beginning);
  }

  #dropOldest(): void {
    const [[node, beginning] = []] = this.#recent;
    if (!node?.value || !beginning) return;
    this.#recent.delete(node);
    this.#stateBytes -= bytesOf(node.value);
    this.#dropped++;
    beginning.tree.clear(node);
    if (beginning.tree.root.children.size > 0) return;
    this.#beginnings.delete(beginning);
    if (beginning.initial) this.#stateBytes -= bytesOf(beginning.initial);
  }

  #addBeginning(initial: Snapshot | undefined): Beginning {
    const beginning = { initial, tree: new PrefixTree<Snapshot>() };
    this.#beginnings.add(beginning);
    if (initial) this.#stateBytes += bytesOf(initial);
    return beginning;
  }

  /** States are compared value by value: a hash could be forged, and one session would get another's text. */
  #beginningOf(initial: Snapshot | undefined): Beginning | undefined {
    for (const beginning of this.#beginnings) if (isSameState(beginning.initial, initial)) return beginning;
    return undefined;
  }

  #bytes(): number {
    let bytes = this.#stateBytes;
    for (const { tree } of this.#beginnings) bytes += tree.bytes;
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
