/**
 * How much of a large test runs: all of it with CI=true, else a part, so that `npm test` takes minutes. The parts are the
 * same in every run.
 */
export const FULL = process.env.CI === "true";

const SHARE = 8;

/** `all` repetitions of a test with random cases, or an eighth of them. */
export function repeats(all: number): number {
  return FULL ? all : Math.ceil(all / SHARE);
}

/** All of a list, or every `step`-th of it from the first on. */
export function some<T>(all: readonly T[], step = 3): readonly T[] {
  return FULL ? all : all.filter((_, i) => i % step === 0);
}
