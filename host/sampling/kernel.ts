/** The keys from a threshold on. */
export interface Above {
  /** Sum of their weights. */
  readonly mass: number;
  readonly count: number;
  /** The smallest of them; +∞ when there is none. */
  readonly least: number;
  /** The greatest of the others; −∞ when there is none. */
  readonly below: number;
}

/**
 * The passes over a whole vocabulary, on arrays of the kernel's own. `keys` is one of its arrays; n is a multiple of 4,
 * and keys that stand for nothing are −∞. All kernels give the same bits.
 */
export interface Kernel {
  /** Room for at least n values in each array; what they held may be lost, and so may the arrays. */
  reserve(n: number): void;
  readonly logits: Float32Array;
  readonly weights: Float32Array;
  /** Keys other than the logits. */
  readonly keys: Float32Array;
  readonly positions: Uint32Array;
  readonly ids: Uint32Array;
  /** The greatest key. NaN becomes −∞, in place. */
  greatest(keys: Float32Array, n: number): number;
  /** weights = e^((logits − top) / temperature); returns their sum. Below e^−87 they are 0. */
  weigh(n: number, top: number, temperature: number): number;
  above(keys: Float32Array, n: number, threshold: number): Above;
  /** Writes the positions of the keys from `from` to `to`, in their order; returns how many there are. */
  select(keys: Float32Array, n: number, from: number, to: number): number;
  /**
   * Moves the candidates with keys from `from` on, of equal ones those up to `position`, to the beginning of all arrays;
   * returns how many there are. `whole`: ids are not written yet, they are the positions.
   */
  keep(keys: Float32Array, n: number, from: number, position: number, whole: boolean): number;
  /** Sum of weights · (logits − top). */
  moment(n: number, top: number): number;
  /** keys = −|logits − middle| */
  near(n: number, middle: number): void;
}
