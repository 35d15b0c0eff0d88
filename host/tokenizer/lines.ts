const LF = 10;
const CR = 13;

/**
 * Calls `visit` with each line's bounds `[from, to)`, without LF or CRLF, and its number, from 1. A newline at the end
 * of the file does not start another line.
 */
export function eachLine(bytes: Uint8Array, visit: (from: number, to: number, number: number) => void): void {
  let number = 0;
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LF, from);
    const end = found < 0 ? bytes.length : found;
    visit(from, end > from && bytes[end - 1] === CR ? end - 1 : end, ++number);
    from = end + 1;
  }
}
