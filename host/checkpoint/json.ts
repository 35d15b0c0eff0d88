/** Headers and indexes are objects of objects of lists. */
const MAX_DEPTH = 8;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/**
 * The JSON object in a file's header; undefined when the bytes are none. What is nested deeply is not parsed at all: a
 * few megabytes of brackets would take hundreds.
 */
export function parseJsonObject(bytes: Uint8Array): object | undefined {
  if (!isShallow(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // not UTF-8 or not JSON: the same to the user
  }
}

function isShallow(bytes: Uint8Array): boolean {
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) i = endOfString(bytes, i);
    else if (OPEN.has(byte) && ++depth > MAX_DEPTH) return false;
    else if (CLOSE.has(byte)) depth--;
  }
  return true;
}

/** Where the string ends that begins at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let i = start + 1;
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i;
}
