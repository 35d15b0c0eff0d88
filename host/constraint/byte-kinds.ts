/**
 * Bytes grouped into kinds, so that the set of bytes in a token fits into 32 bits. Bytes that constraints often
 * distinguish have separate kinds.
 */
const GROUPS: readonly string[] = [
  ...["abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ", "0", "123456789"],
  ...[" ", "\n", "\t\r", '"', "\\", "'", ",", ":", ".", "-", "_", "/", "@", "{", "}", "[", "]", "()"],
];
const OTHER_ASCII = GROUPS.length;
/** A whole non-ASCII character in UTF-8. */
export const CHARACTER = 1 << (OTHER_ASCII + 1);
/** A part of one, or invalid UTF-8. */
export const BROKEN = 1 << (OTHER_ASCII + 2);

/** `[128]`: the kind of an ASCII byte, as a bit. */
export const KIND_OF = Int32Array.from({ length: 128 }, (_, byte) => {
  const group = GROUPS.findIndex((each) => each.includes(String.fromCharCode(byte)));
  return 1 << (group < 0 ? OTHER_ASCII : group);
});

/** The bytes of each ASCII kind. */
export const BYTES_OF: ReadonlyMap<number, readonly number[]> = new Map(
  [...new Set(KIND_OF)].map((kind) => [kind, [...KIND_OF.keys()].filter((byte) => KIND_OF[byte] === kind)]),
);

type Bytes = readonly [low: number, high: number];
const NEXT: Bytes = [0x80, 0xbf];

/** Every non-ASCII character, as ranges of its bytes: table 3-7 of the Unicode standard. */
export const CHARACTERS: readonly (readonly Bytes[])[] = [
  [[0xc2, 0xdf], NEXT],
  [[0xe0, 0xe0], [0xa0, 0xbf], NEXT],
  [[0xe1, 0xec], NEXT, NEXT],
  [[0xed, 0xed], [0x80, 0x9f], NEXT],
  [[0xee, 0xef], NEXT, NEXT],
  [[0xf0, 0xf0], [0x90, 0xbf], NEXT, NEXT],
  [[0xf1, 0xf3], NEXT, NEXT, NEXT],
  [[0xf4, 0xf4], [0x80, 0x8f], NEXT, NEXT],
];

/** The row of that table a text is in, after one more byte. -1: invalid UTF-8; 0: between characters. */
export function within(before: number, byte: number): number {
  if (before < 0) return -1;
  if (before === 0 && byte < 0x80) return 0;
  const row = before === 0 ? CHARACTERS.findIndex(([first]) => isIn(byte, first!)) : before >> 2;
  const at = before & 3;
  if (row < 0 || !isIn(byte, CHARACTERS[row]![at]!)) return -1;
  return at + 1 === CHARACTERS[row]!.length ? 0 : (row << 2) | (at + 1);
}

function isIn(byte: number, [low, high]: Bytes): boolean {
  return low <= byte && byte <= high;
}
