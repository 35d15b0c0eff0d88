import { WkvError } from "../errors.ts";
import { damaged } from "./damage.ts";

/** The bytes end before the pickle does; a caller that reads in pieces can retry with more. */
export class PickleCutOff extends WkvError {}

/** Torch's magic number takes 10 bytes, its sizes at most 8. */
const MAX_LONG_BYTES = 16;
const MAX_LINE_BYTES = 256;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** A pickle's bytes, read front to back in the encodings its instructions use. Each read may throw PickleCutOff. */
export class PickleBytes {
  /** Offset of the next byte. */
  at = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly file: string;

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = file;
  }

  /** Throws an error that names the offset. */
  fail(what: string): never {
    throw damaged(this.file, `the pickle ${what} before byte ${this.at}: the file is damaged; fetch it again.`);
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  u64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  f64(): number {
    return this.view.getFloat64(this.take(8), false);
  }

  raw(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.slice(start, start + length);
  }

  text(length: number): string {
    try {
      return UTF8.decode(this.raw(length));
    } catch (error) {
      if (error instanceof WkvError) throw error;
      this.fail("holds text that is not UTF-8");
    }
  }

  /** Text up to the end of the line. */
  line(): string {
    const start = this.at;
    while (this.u8() !== 0x0a) if (this.at - start > MAX_LINE_BYTES) this.fail("holds an endless line");
    const length = this.at - 1 - start;
    this.at = start;
    const line = this.text(length);
    this.at++;
    return line;
  }

  /** A little-endian two's complement integer of any length. */
  long(length: number): number | bigint {
    if (length < 0 || length > MAX_LONG_BYTES) this.fail(`holds a number of ${length} bytes`);
    const bytes = this.raw(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    const signed = BigInt.asIntN(8 * length, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  private take(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start)
      throw new PickleCutOff(
        "bad-file",
        `${this.file}: the pickle needs ${length} bytes at byte ${start}, but only ${this.bytes.length - start} ` +
          "are available: the file is truncated or damaged; fetch it again.",
      );
    this.at += length;
    return start;
  }
}
