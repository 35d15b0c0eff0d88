/** Statistics of the keys from a threshold up. */
export interface Above {
  /** Sum of their weights. */
  readonly mass: number;
  readonly count: number;
  /** The smallest of them; +∞ if there is none. */
  readonly least: number;
  /** The greatest of the others; −∞ if there is none. */
  readonly below: number;
}

/**
 * The passes over a whole vocabulary, on the kernel's arrays. `keys` is one of them; n is a multiple of 4, and padding
 * keys are −∞. All kernels give the same bits.
 */
export interface Kernel {
  /** Room for at least n values in each array; contents, and the arrays themselves, may be replaced. */
  reserve(n: number): void;
  readonly logits: Float32Array;
  readonly weights: Float32Array;
  /** Keys other than the logits. */
  readonly keys: Float32Array;
  readonly positions: Uint32Array;
  readonly ids: Uint32Array;
  /** The greatest key. NaN becomes −∞, in place. */
  greatest(keys: Float32Array, n: number): number;
  /** weights = e^((logits − top) / temperature); returns their sum. Below e^−87 a weight is 0. */
  weigh(n: number, top: number, temperature: number): number;
  above(keys: Float32Array, n: number, threshold: number): Above;
  /** Writes the positions of the keys from `from` to `to`, in order; returns their number. */
  select(keys: Float32Array, n: number, from: number, to: number): number;
  /**
   * Moves the candidates with keys from `from` up, equal ones only up to `position`, to the front of all arrays;
   * returns their number. `whole`: no ids are written yet, they are the positions.
   */
  keep(keys: Float32Array, n: number, from: number, position: number, whole: boolean): number;
  /** Sum of weights · (logits − top). */
  moment(n: number, top: number): number;
  /** keys = −|logits − middle| */
  near(n: number, middle: number): void;
}
