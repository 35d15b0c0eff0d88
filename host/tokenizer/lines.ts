const LF = 10;
const CR = 13;

/** The bounds of a line, `[from, to)` without its LF or CRLF, and its number from 1 on. */
export interface Line {
  readonly from: number;
  readonly to: number;
  readonly number: number;
}

/** The lines of a file. A newline at its end begins no further line. */
export function* linesOf(bytes: Uint8Array): Generator<Line, void, void> {
  let number = 0;
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LF, from);
    const end = found < 0 ? bytes.length : found;
    yield { from, to: end > from && bytes[end - 1] === CR ? end - 1 : end, number: ++number };
    from = end + 1;
  }
}
