const UTF8_MARK = [0xef, 0xbb, 0xbf];
/** How UTF-16 begins, which PowerShell's `>` writes. */
const UTF16_MARKS = { "utf-16le": [0xff, 0xfe], "utf-16be": [0xfe, 0xff] };

/** The UTF-8 of a text file, without a byte-order mark. A file that begins with a mark of UTF-16 is converted. */
export function textBytes(file: Uint8Array): Uint8Array {
  const begins = (mark: readonly number[]) => mark.every((byte, i) => file[i] === byte);
  if (begins(UTF8_MARK)) return file.subarray(UTF8_MARK.length);
  for (const [encoding, mark] of Object.entries(UTF16_MARKS))
    if (begins(mark)) return new TextEncoder().encode(new TextDecoder(encoding).decode(file));
  return file;
}

/** The text of a file, without a byte-order mark. What is not UTF-8 becomes U+FFFD. */
export function textOf(file: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(textBytes(file));
}
