/** Maximum nesting: headers and indexes are objects of objects of lists. */
const MAX_DEPTH = 8;
/**
 * Maximum count of objects, lists and items: 20 for each of the most tensors accepted. A parsed item takes about 50
 * bytes.
 */
const MAX_ITEMS = 2_000_000;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const COMMA = 0x2c;

/**
 * The JSON object in a file's header; undefined if the bytes are not one. Deep nesting and very many items are refused
 * before parsing: a few megabytes of brackets would take hundreds.
 */
export function parseJsonObject(bytes: Uint8Array): object | undefined {
  if (!isBounded(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // not UTF-8 or not JSON: the same to the user
  }
}

function isBounded(bytes: Uint8Array): boolean {
  let depth = 0;
  let items = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if ((byte === COMMA || OPEN.has(byte)) && ++items > MAX_ITEMS) return false;
    if (byte === QUOTE) i = endOfString(bytes, i);
    else if (OPEN.has(byte) && ++depth > MAX_DEPTH) return false;
    else if (CLOSE.has(byte)) depth--;
  }
  return true;
}

/** Where the string that begins at `start` ends. */
function endOfString(bytes: Uint8Array, start: number): number {
  let i = start + 1;
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i;
}
