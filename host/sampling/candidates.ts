import type { Above, Kernel } from "./kernel.ts";

/** The limits of a prefix of candidates: as long as all of these allow, but at least one. */
interface Limit {
  /** It ends with the candidate whose weight brings the sum to this value. Default: no limit. */
  readonly mass?: number;
  /** Maximum number of candidates. Default: no limit. */
  readonly count?: number;
  /** Minimum key. Default: no limit. */
  readonly floor?: number;
}

/** The last candidate of a prefix. */
interface Last {
  readonly key: number;
  readonly position: number;
}

/** Whether a prefix of this mass and count is as long as allowed. */
type Reaches = (mass: number, count: number) => boolean;

/** Lower than the key of any token. */
const LOWEST = -3.4028234663852886e38;
/** Number of candidates at which sorting is cheaper than further passes. */
const SORTED = 64;
/** e^x is 0 in the kernels below this value. */
const LEAST_LOG = -87;
/** Any lower temperature means greedy decoding; x / temperature must not be NaN. */
const LEAST_TEMPERATURE = 1e-30;

/**
 * The tokens that may still be drawn, in id order, in the kernel's arrays. They are ranked by key, equal keys by id,
 * lowest first; keys are the logits unless stated otherwise.
 *
 * Only a few are ever sorted: passes over all candidates find a threshold, as needed for a cut or a draw. What is
 * certainly beyond it is dropped as soon as that shortens the later passes.
 */
export class Candidates {
  readonly #kernel: Kernel;
  /** The number of candidates, and the same rounded up to a multiple of four. */
  #count = 0;
  #padded = 0;
  /** Positions are ids: nothing has been dropped yet. */
  #whole = true;
  /** The greatest logit. */
  top = -Infinity;
  /** Sum of all weights, from the last `weigh`. */
  total = 0;
  #temperature = 1;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** All tokens. NaN and −∞ are never ranked. @returns whether any token can be drawn */
  load(logits: Float32Array): boolean {
    const kernel = this.#kernel;
    this.#whole = true;
    kernel.reserve((logits.length + 3) & ~3);
    kernel.logits.set(logits);
    this.#setCount(logits.length);
    this.top = kernel.greatest(kernel.logits, this.#padded);
    return Number.isFinite(this.top);
  }

  /** Gives each candidate the weight e^((logit − top) / temperature). */
  weigh(temperature: number): void {
    this.#temperature = Math.max(temperature, LEAST_TEMPERATURE);
    this.total = this.#kernel.weigh(this.#padded, this.top, this.#temperature);
  }

  /** Drops all candidates after the prefix. */
  keepFirst(limit: Limit): void {
    const { logits } = this.#kernel;
    const { mass = Infinity, count = Infinity, floor = LOWEST } = limit;
    if (mass < Infinity || count < Infinity) this.#keep(logits, this.#lastOf(limit));
    else {
      // A minimum key alone needs no search, and often all candidates are above it.
      const above = this.#above(logits, Math.fround(Math.max(floor, LOWEST)));
      if (above.count < this.#count) this.#keep(logits, { key: above.least, position: this.#count });
    }
  }

  /**
   * Drops all but the candidates whose logits are closest to the mean, until their weights reach this share of the
   * total: "locally typical sampling" (Meister et al.). There, the surprise −ln p should be close to the entropy −Σ p
   * ln p; both differ from the logits by the same constant.
   */
  keepTypical(share: number): void {
    const { logits, keys } = this.#kernel;
    const mean = this.top + this.#kernel.moment(this.#padded, this.top) / this.total;
    this.#kernel.near(this.#padded, mean);
    const last = this.#lastOf({ mass: share * this.total }, keys);
    this.#keep(keys, last);
    this.top = this.#kernel.greatest(logits, this.#padded);
  }

  /** @param random in [0, 1): the share of all weights before the drawn token's */
  draw(random: number): { id: number; logit: number } {
    const floor = this.top + LEAST_LOG * this.#temperature;
    const { key, position } = this.#lastOf({ mass: random * this.total, floor });
    return { id: this.#id(position), logit: key };
  }

  /** All candidates that can be drawn, by rank. */
  list(): { id: number; logit: number }[] {
    const { logits } = this.#kernel;
    const all = Array.from({ length: this.#count }, (_, i) => ({ id: this.#id(i), logit: logits[i] as number }));
    return all.filter(({ logit }) => logit > -Infinity).sort((a, b) => b.logit - a.logit);
  }

  #id(position: number): number {
    return this.#whole ? position : (this.#kernel.ids[position] as number);
  }

  #lastOf({ mass = Infinity, count = Infinity, floor = LOWEST }: Limit, keys = this.#kernel.logits): Last {
    const reaches: Reaches = (massOf, countOf) => massOf >= mass || countOf >= count;
    const lowest = Math.fround(Math.max(floor, LOWEST));
    let [short, long] = this.#bracket(keys, reaches, lowest);
    while (long.count - short.count > SORTED && long.least < short.below) {
      // Between two existing keys, so that each step leaves fewer of them.
      const half = Math.fround(long.least + (short.below - long.least) / 2);
      const middle = this.#above(keys, half > long.least ? half : short.below);
      if (reaches(middle.mass, middle.count)) long = this.#dropBehind(keys, middle);
      else short = middle;
    }
    return this.#walk(keys, short, long, reaches);
  }

  /** A prefix that is too short, and one that is long enough or ends at the lowest allowed key. */
  #bracket(keys: Float32Array, reaches: Reaches, lowest: number): [short: Above, long: Above] {
    const below = keys === this.#kernel.logits ? this.top : this.#kernel.greatest(keys, this.#padded);
    let short: Above = { mass: 0, count: 0, least: Infinity, below };
    for (let step = 4; ; step *= 2) {
      const threshold = step > 128 ? lowest : Math.max(below - step, lowest);
      const long = this.#above(keys, threshold);
      if (threshold === lowest || reaches(long.mass, long.count)) return [short, this.#dropBehind(keys, long)];
      short = long;
    }
  }

  /** Candidates beyond a prefix that is long enough are not needed any more. */
  #dropBehind(keys: Float32Array, long: Above): Above {
    if (long.count > 0 && long.count < this.#count / 16) this.#keep(keys, { key: long.least, position: this.#count });
    return long;
  }

  /** Adds up the candidates between a prefix that is too short and one that is long enough. */
  #walk(keys: Float32Array, short: Above, long: Above, reaches: Reaches): Last {
    const { weights, positions } = this.#kernel;
    const isEmpty = long.count === short.count; // then the allowed candidates end with the short prefix
    const to = isEmpty ? long.least : short.below;
    const between = positions.subarray(0, this.#kernel.select(keys, this.#padded, long.least, to));
    if (long.least < to) between.sort((a, b) => (keys[b] as number) - (keys[a] as number) || a - b);
    let { mass, count } = short;
    for (const each of isEmpty ? [] : between) {
      mass += weights[each] as number;
      count++;
      if (reaches(mass, count)) return { key: keys[each] as number, position: each };
    }
    const position = between.at(-1) as number;
    return { key: keys[position] as number, position };
  }

  /** Drops everything after the last one. */
  #keep(keys: Float32Array, { key, position }: Last): void {
    const count = this.#kernel.keep(keys, this.#padded, key, position, this.#whole);
    this.#whole = false;
    this.#setCount(count);
  }

  #setCount(count: number): void {
    const { logits, weights, keys } = this.#kernel;
    this.#count = count;
    this.#padded = (count + 3) & ~3;
    logits.fill(-Infinity, count, this.#padded);
    keys.fill(-Infinity, count, this.#padded);
    weights.fill(0, count, this.#padded);
  }

  #above(keys: Float32Array, threshold: number): Above {
    return this.#kernel.above(keys, this.#padded, threshold);
  }
}
