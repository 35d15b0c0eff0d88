import { WkvError } from "../errors.ts";

/** A `bad-file` error. `what` says where the file violates its format and what to do about it. */
export function damaged(file: string, what: string): WkvError {
  return new WkvError("bad-file", `${file}: ${what}`);
}

/** A name from a file, safe to print: escaped, at most 100 characters. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
