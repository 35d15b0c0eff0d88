import { random } from "../support/random.ts";

/** Whole numbers at which readers of binary formats go wrong: around powers of two, and beyond what fits. */
export const EDGES: readonly bigint[] = [
  ...[0, 1, 2, 3, 7, 8, 16, 31, 32, 33, 63, 64, 97, 127, 128, 255, 256, 65535, 65536, 2 ** 20, 2 ** 24].map(BigInt),
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53].map(BigInt),
  ...[2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -1n, -2n, -(2n ** 31n)],
];

/** Strings at which names, paths and terminals go wrong. */
export const ODD_STRINGS: readonly string[] = [
  ...["", "__proto__", "constructor", "toString", "hasOwnProperty", "\u0000", "\u001b[2J\u001b]0;x\u0007", "\ud800"],
  ...["../../etc/passwd", "/etc/passwd", "x".repeat(5000), "é\u0301", "NaN", "-0", "\u202e"],
  ...["blocks.0.att.key.weight", "emb.weight", "blocks.99999999999.att.x", "blocks.-1.x", "blocks.1e9.ln1.weight"],
];

/** Everything that one case chooses comes out of one seed, so that a case is its target, seed and number. */
export class Choices {
  readonly #next: (below: number) => number;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  /** A whole number from 0 to `below - 1`; 0 when there is none. */
  int(below: number): number {
    return below < 1 ? 0 : this.#next(below);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(from.length)] as T;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.int(1_000_000) < probability * 1_000_000;
  }

  /** Does something one to `most` times. */
  times(most: number, action: () => void): void {
    for (let left = 1 + this.int(most); left > 0; left--) action();
  }
}
