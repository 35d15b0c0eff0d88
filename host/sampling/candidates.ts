import type { Above, Kernel } from "./kernel.ts";

/** How far a run of first candidates reaches: as far as all of these let it, but to the first one at least. */
interface Limit {
  /** It ends with the candidate that makes its weights reach this sum. Default: no limit. */
  readonly mass?: number;
  /** It has at most so many. Default: no limit. */
  readonly count?: number;
  /** It holds no key below this one. Default: no limit. */
  readonly floor?: number;
}

/** The last of a run of first candidates. */
interface Last {
  readonly key: number;
  readonly position: number;
}

/** Whether a run of this mass and count is as long as it may be. */
type Reaches = (mass: number, count: number) => boolean;

/** Lower than any key that stands for a token. */
const LOWEST = -3.4028234663852886e38;
/** Candidates that are sorted rather than told apart by further passes. */
const SORTED = 64;
/** e^x is 0 in the kernels below this. */
const LEAST_LOG = -87;
/** Temperatures below this one all mean the likeliest token; x / temperature must not be NaN. */
const LEAST_TEMPERATURE = 1e-30;

/**
 * The tokens that may still be drawn, in the order of their ids, in arrays of the kernel. "The first" ones are those
 * with the greatest keys, of equal keys those with the lowest ids; keys are the logits where nothing else is said.
 *
 * Nothing is sorted but a few: passes over all candidates find a threshold, as a run's end or a draw need it. What
 * certainly lies behind it is dropped as soon as that makes the later passes short.
 */
export class Candidates {
  readonly #kernel: Kernel;
  /** Candidates, and the same rounded up to four. */
  #count = 0;
  #padded = 0;
  /** Positions are ids: nothing has been dropped yet. */
  #whole = true;
  /** The greatest logit. */
  top = -Infinity;
  /** Sum of all weights, as the last `weigh` found them. */
  total = 0;
  #temperature = 1;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** All tokens. NaN and −∞ are none: they never become first ones. @returns whether there is any to be drawn */
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

  /** Drops all but the first candidates. */
  keepFirst(limit: Limit): void {
    const { logits } = this.#kernel;
    const { mass = Infinity, count = Infinity, floor = LOWEST } = limit;
    if (mass < Infinity || count < Infinity) this.#keep(logits, this.#lastOf(limit));
    else {
      // A floor alone needs no search, and often all are above it.
      const above = this.#above(logits, Math.fround(Math.max(floor, LOWEST)));
      if (above.count < this.#count) this.#keep(logits, { key: above.least, position: this.#count });
    }
  }

  /**
   * Drops all but those whose logits are nearest to the mean, until their weights reach this share of all: "locally
   * typical sampling" (Meister et al.). There the surprise −ln p is to be near the entropy −Σ p ln p; both differ from
   * the logits by the same constant.
   */
  keepTypical(share: number): void {
    const { logits, keys } = this.#kernel;
    const mean = this.top + this.#kernel.moment(this.#padded, this.top) / this.total;
    this.#kernel.near(this.#padded, mean);
    const last = this.#lastOf({ mass: share * this.total }, keys);
    this.#keep(keys, last);
    this.top = this.#kernel.greatest(logits, this.#padded);
  }

  /** @param random from 0 to below 1: the share of all weights that lies before the token's own */
  draw(random: number): { id: number; logit: number } {
    const floor = this.top + LEAST_LOG * this.#temperature;
    const { key, position } = this.#lastOf({ mass: random * this.total, floor });
    return { id: this.#id(position), logit: key };
  }

  /** All candidates that can be drawn, the first ones first. */
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
      // Between two keys that are there, so that each step leaves fewer of them.
      const half = Math.fround(long.least + (short.below - long.least) / 2);
      const middle = this.#above(keys, half > long.least ? half : short.below);
      if (reaches(middle.mass, middle.count)) long = this.#dropBehind(keys, middle);
      else short = middle;
    }
    return this.#walk(keys, short, long, reaches);
  }

  /** A run that is too short, and one that is long enough or ends at the lowest key allowed. */
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

  /** What lies behind a run that is long enough is not needed any more. */
  #dropBehind(keys: Float32Array, long: Above): Above {
    if (long.count > 0 && long.count < this.#count / 16) this.#keep(keys, { key: long.least, position: this.#count });
    return long;
  }

  /** Adds up the candidates between a run that is too short and one that is long enough. */
  #walk(keys: Float32Array, short: Above, long: Above, reaches: Reaches): Last {
    const { weights, positions } = this.#kernel;
    const isEmpty = long.count === short.count; // then what is allowed ends with the short run
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

  /** Drops what comes after the last one. */
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
