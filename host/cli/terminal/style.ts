import type { WriteStream } from "node:tty";

const CODES = { dim: [2, 22], bold: [1, 22], green: [32, 39] } as const;

/** Whether a stream shows colours. FORCE_COLOR overrides NO_COLOR, and both override detection. */
export function hasColors(stream: WriteStream): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return !NO_COLOR && stream.isTTY && TERM !== "dumb";
}

/** A text in a style, if the stream shows styles. */
export function styled(style: keyof typeof CODES, text: string, stream: WriteStream): string {
  const [on, off] = CODES[style];
  return hasColors(stream) && text ? `\x1b[${on}m${text}\x1b[${off}m` : text;
}
