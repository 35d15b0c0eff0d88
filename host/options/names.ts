/**
 * The names of a call's options. A table is held to its interface by `satisfies Record<keyof Options, true>`, which
 * misses none and has none too many.
 */
export type OptionNames = Readonly<Record<string, true>>;

/**
 * @param call whose options they are, for the message
 * @throws TypeError for what is no object, for an option that the call does not have: it names the nearest one, and for a
 *   signal or a callback that is none
 */
export function checkNames(options: unknown, names: OptionNames, call: string): void {
  if (typeof options !== "object" || options === null || options instanceof Promise)
    throw new TypeError(`"options" expected an object, got ${kindOf(options)}`);
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !Object.hasOwn(names, name))
      throw new TypeError(`"${name}" is no option of ${call}: did you mean "${nearest(name, Object.keys(names))}"?`);
  for (const [name, value] of Object.entries(options)) if (value !== undefined) checkKind(name, value);
}

/** What every call's options of such a name are. */
function checkKind(name: string, value: unknown): void {
  const { aborted } = (value ?? {}) as { aborted?: unknown };
  if (name === "signal" && typeof aborted !== "boolean")
    throw new TypeError(`"signal" expected an AbortSignal, got ${kindOf(value)}`);
  if (/^on[A-Z]/.test(name) && typeof value !== "function")
    throw new TypeError(`"${name}" expected a function, got ${kindOf(value)}`);
}

/** Those of the options that a call has. */
export function only<T extends object>(options: T, names: OptionNames): T {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(names, name))) as T;
}

/** What a value is, for a message. */
export function kindOf(value: unknown): string {
  return value === null ? "null" : value instanceof Promise ? "a promise" : typeof value;
}

function nearest(name: string, names: readonly string[]): string {
  const distances = names.map((other) => distance(plain(name), plain(other)));
  return names[distances.indexOf(Math.min(...distances))] as string;
}

/** Without what styles of writing differ in: max_tokens, maxTokens. */
function plain(name: string): string {
  return name.replace(/[_-]/g, "").toLowerCase().slice(0, 40);
}

/** Levenshtein's: letters to be put in, left out or changed. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++)
      next.push(Math.min(row[j]! + (letter === other[j] ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    row = next;
  }
  return row[other.length]!;
}
