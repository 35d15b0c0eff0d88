import { ByteWriter } from "./byte-writer.ts";

export interface ZipSample {
  name: string;
  bytes: Uint8Array;
  /** 8 is deflate; the bytes stay as they are, since no reader should get that far. */
  method?: number;
  flags?: number;
  /** Lies for the directory, instead of the true number. */
  size?: number | bigint;
  headerAt?: number | bigint;
}

/** Which numbers the directory keeps in its 64-bit fields: past 4 GB, archives have only their offsets there. */
type Wide = "nothing" | "offsets" | "everything";

/** A zip archive of stored entries, padded as torch does. */
export function zip(
  entries: readonly ZipSample[],
  { wide = "nothing", comment = "" }: { wide?: Wide; comment?: string } = {},
): Uint8Array {
  const out = new ByteWriter();
  const directory = new ByteWriter();
  for (const entry of entries) {
    putEntry(directory, entry, out.length, wide);
    putLocal(out, entry);
  }
  const start = out.length;
  out.raw(directory.bytes());
  if (wide !== "nothing") putEnd64(out, entries.length, start);
  const narrow = (value: number, bits: number) => (wide === "everything" ? 2 ** bits - 1 : value);
  out.text("PK\x05\x06").u16(0).u16(0).u16(narrow(entries.length, 16)).u16(narrow(entries.length, 16));
  out
    .u32(narrow(directory.length, 32))
    .u32(wide === "nothing" ? start : 0xffffffff)
    .u16(comment.length)
    .text(comment);
  return out.bytes();
}

/** The extra field aligns the bytes to 64, so it has another length than the directory's. Check sums are left 0. */
function putLocal(out: ByteWriter, { name, bytes, method = 0, flags = 0x800 }: ZipSample): void {
  const dataAt = out.length + 30 + name.length + 4;
  const padding = (64 - (dataAt % 64)) % 64;
  out.text("PK\x03\x04").u16(0).u16(flags).u16(method).u32(0).u32(0);
  out
    .u32(bytes.length)
    .u32(bytes.length)
    .u16(name.length)
    .u16(4 + padding)
    .text(name);
  out.text("FB").u16(padding).raw(new Uint8Array(padding)).raw(bytes);
}

function putEntry(out: ByteWriter, entry: ZipSample, at: number, wide: Wide): void {
  const { name, bytes, method = 0, flags = 0x800, size = bytes.length, headerAt = at } = entry;
  const extra = new ByteWriter();
  const put = (value: number | bigint, isWide: boolean) => {
    if (isWide) extra.u64(BigInt(value));
    out.u32(isWide ? 0xffffffff : Number(value));
  };
  out.text("PK\x01\x02").u16(0).u16(0).u16(flags).u16(method).u32(0).u32(0);
  put(size, wide === "everything");
  put(size, wide === "everything");
  const extraLength = { nothing: 0, offsets: 8, everything: 24 }[wide];
  out.u16(name.length).u16(4 + extraLength);
  out.u16(0).u16(0).u16(0).u32(0);
  put(headerAt, wide !== "nothing");
  out.text(name).u16(1).u16(extraLength).raw(extra.bytes());
}

function putEnd64(out: ByteWriter, count: number, start: number): void {
  const endAt = out.length;
  out.text("PK\x06\x06").u64(44n).u16(45).u16(45).u32(0).u32(0).u64(BigInt(count)).u64(BigInt(count));
  out.u64(BigInt(endAt - start)).u64(BigInt(start));
  out.text("PK\x06\x07").u32(0).u64(BigInt(endAt)).u32(1);
}
