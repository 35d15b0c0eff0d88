import { LongestMatches } from "../longest.ts";
import { TokenTableBuilder } from "../table.ts";
import type { AddedTokenJson } from "./json.ts";
import { withoutSpacesBehind } from "./normalizer.ts";

/** A piece of text, or the id of an added token that stood there. */
export type Part = string | number;

const SPACES_BEFORE = /^\p{White_Space}+/u;
const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const BEGINS_WITH_WORD = new RegExp(`^${WORD}`, "u");
const ENDS_WITH_WORD = new RegExp(`${WORD}$`, "u");

/** Finds tokens that are no part of the words around them, the longest first. */
export class AddedTokens {
  readonly #tokens: ReadonlyMap<number, AddedTokenJson>;
  readonly #matches: LongestMatches | undefined;

  /** @param textOf what is looked for; of two tokens with one text the last is taken */
  constructor(tokens: readonly AddedTokenJson[], textOf: (token: AddedTokenJson) => string, name: string) {
    this.#tokens = new Map(tokens.map((token) => [token.id, token]));
    const texts = new Map(tokens.map((token) => [textOf(token), token.id]));
    texts.delete("");
    const table = new TokenTableBuilder(name);
    for (const [text, id] of texts) table.add(id, new TextEncoder().encode(text));
    if (texts.size > 0) this.#matches = new LongestMatches(table.build(), name);
  }

  /** The parts of a text in order; none is empty. */
  split(text: string): Part[] {
    if (!this.#matches) return text === "" ? [] : [text];
    const bytes = new TextEncoder().encode(text);
    const tokenAt = this.#matches.over(bytes);
    const spaces = new Spaces(bytes);
    const parts: Part[] = [];
    let done = 0;
    for (let at = 0; at < bytes.length; ) {
      const id = tokenAt(at);
      const end = at + (id < 0 ? 1 : this.#matches.lengthOf(id));
      const taken = id < 0 ? undefined : bounds(this.#tokens.get(id)!, spaces, bytes, done, at, end);
      if (taken) {
        if (taken.start > done) parts.push(decoded(bytes, done, taken.start));
        parts.push(id);
        done = taken.end;
      }
      at = end;
    }
    if (done < bytes.length) parts.push(decoded(bytes, done, bytes.length));
    return parts;
  }
}

/** With the white space that belongs to the token; undefined where it would have to be a word and is a part of one. */
function bounds(token: AddedTokenJson, spaces: Spaces, bytes: Uint8Array, done: number, start: number, end: number) {
  if (token.single_word && isInWord(bytes, start, end)) return undefined;
  return {
    start: token.lstrip ? spaces.startBefore(start, done) : start,
    end: token.rstrip ? spaces.endBehind(end) : end,
  };
}

function decoded(bytes: Uint8Array, from: number, to: number): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(from, to));
}

/** UTF-8 has at most 4 bytes for a character, and one that is cut off is no letter. */
function isInWord(bytes: Uint8Array, start: number, end: number): boolean {
  const before = decoded(bytes, Math.max(0, start - 4), start);
  const behind = decoded(bytes, end, Math.min(bytes.length, end + 4));
  return ENDS_WITH_WORD.test(before) || BEGINS_WITH_WORD.test(behind);
}

/** Runs of white space in a text. */
class Spaces {
  readonly #bytes: Uint8Array;
  /** The run that was found last: a token of white space asks at each of its bytes. */
  #start = 0;
  #end = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Where the white space before `at` begins, `least` or later. */
  startBefore(at: number, least: number): number {
    for (let window = 64; ; window *= 2) {
      const from = Math.max(least, at - window);
      const text = decoded(this.#bytes, from, at);
      const kept = withoutSpacesBehind(text);
      if (kept !== "" || from === least) return at - byteLength(text.slice(kept.length));
    }
  }

  /** Where the white space behind `at` ends. */
  endBehind(at: number): number {
    if (at >= this.#start && at < this.#end) return this.#end;
    this.#start = at;
    for (let window = 64; ; window *= 2) {
      const to = Math.min(this.#bytes.length, at + window);
      this.#end = at + byteLength(SPACES_BEFORE.exec(decoded(this.#bytes, at, to))?.[0] ?? "");
      if (this.#end < to - 3 || to === this.#bytes.length) return this.#end; // a character may be cut off at `to`
    }
  }
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
