/** A set of code points: whether one is in it. */
export type CodePoints = ((code: number) => boolean) & {
  /** What asking takes, where that is more than for a range: a class of a file may have thousands of members. */
  readonly cost?: number;
};

/** Oniguruma's shorthands and POSIX names in Unicode, as JavaScript expressions. */
const NAMED: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  space: "\\p{White_Space}",
  d: "\\p{Nd}",
  digit: "\\p{Nd}",
  w: "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]",
  word: "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]",
  h: "[0-9A-Fa-f]",
  xdigit: "[0-9A-Fa-f]",
  alpha: "\\p{Alphabetic}",
  alnum: "[\\p{Alphabetic}\\p{Nd}]",
  upper: "\\p{Uppercase}",
  lower: "\\p{Lowercase}",
  punct: "[\\p{P}$+<=>^`|~]",
  blank: "[\\p{Zs}\\t]",
  cntrl: "\\p{Cc}",
  ascii: "[\\0-\\x7f]",
};

const sets = new Map<string, CodePoints>();

/**
 * The set that a shorthand (`s`), a POSIX name (`alpha`), a category, a property or a script names.
 * @throws SyntaxError for a name that Unicode does not have
 */
export function namedSet(name: string): CodePoints {
  const known = sets.get(name);
  if (known) return known;
  const set = cached(expressionFor(name));
  sets.set(name, set);
  return set;
}

function expressionFor(name: string): RegExp {
  const posix = Object.hasOwn(NAMED, name) ? name : name.toLowerCase();
  const tried = [Object.hasOwn(NAMED, posix) ? NAMED[posix] : `\\p{${name}}`, `\\p{Script=${name}}`];
  for (const source of tried)
    try {
      return new RegExp(`^${source}$`, "u");
    } catch {}
  throw new SyntaxError(`\\p{${name}} is no property that is known`);
}

/** Two bits for each code point below U+10000, in a byte: whether it was asked for, and the answer. */
function cached(expression: RegExp): CodePoints {
  const known = new Uint8Array(0x10000);
  const test: CodePoints = (code) => expression.test(String.fromCodePoint(code));
  return (code) => {
    if (code > 0xffff) return test(code);
    if (known[code] === 0) known[code] = test(code) ? 3 : 2;
    return known[code] === 3;
  };
}

export function rangeSet(first: number, last: number): CodePoints {
  return (code) => code >= first && code <= last;
}

export function union(sets: readonly CodePoints[]): CodePoints {
  return sets.length === 1 ? (sets[0] as CodePoints) : costing(total(sets), (code) => sets.some((set) => set(code)));
}

export function intersection(sets: readonly CodePoints[]): CodePoints {
  return sets.length === 1 ? (sets[0] as CodePoints) : costing(total(sets), (code) => sets.every((set) => set(code)));
}

export function complement(set: CodePoints): CodePoints {
  return costing(costOf(set), (code) => !set(code));
}

/** With what differs from the set's members in case only. */
export function anyCase(set: CodePoints): CodePoints {
  return costing(20 + 4 * costOf(set), (code) => set(code) || variants(code).some(set));
}

export function costOf({ cost = 1 }: CodePoints): number {
  return cost;
}

function costing(cost: number, set: CodePoints): CodePoints {
  return Object.assign(set, { cost });
}

function total(sets: readonly CodePoints[]): number {
  return sets.reduce((sum, set) => sum + costOf(set), 0);
}

function variants(code: number): number[] {
  const text = String.fromCodePoint(code);
  const upper = text.toUpperCase();
  return [text.toLowerCase(), upper, upper.toLowerCase()]
    .filter((one) => [...one].length === 1)
    .map((one) => one.codePointAt(0)!);
}
