import { type Choices, EDGES } from "./choices.ts";

/** Where formats keep their directories: mutations fall there half of the time. */
const HEAD_BYTES = 4096;

/** One to three changes of a file: cut, flipped, overwritten with an edge value, repeated, left out or moved. */
export function mutateBytes(source: Uint8Array, choose: Choices, headBytes = HEAD_BYTES): Uint8Array {
  let bytes = Uint8Array.from(source);
  choose.times(3, () => {
    if (bytes.length > 0) bytes = choose.pick(CHANGES)(bytes, position(bytes.length, headBytes, choose), choose);
  });
  return bytes;
}

/** Half of the positions are in the head, a quarter in as many bytes at the end. */
function position(length: number, headBytes: number, choose: Choices): number {
  const edge = choose.int(Math.min(length, headBytes));
  if (choose.chance(0.5)) return edge;
  return choose.chance(0.5) ? length - 1 - edge : choose.int(length);
}

type Change = (bytes: Uint8Array<ArrayBuffer>, at: number, choose: Choices) => Uint8Array<ArrayBuffer>;

const CHANGES: readonly Change[] = [
  (bytes, _at, choose) => bytes.subarray(0, choose.int(bytes.length)),
  (bytes, at, choose) => bytes.fill(choose.int(256), at, at + 1),
  (bytes, at, choose) => bytes.fill((bytes[at] as number) ^ (1 << choose.int(8)), at, at + 1),
  (bytes, at) => bytes.fill(255, at, at + 8),
  (bytes, at, choose) => bytes.fill(0, at, at + 1 + choose.int(64)),
  (bytes, at, choose) => writeInteger(bytes, at, choose.pick([2, 4, 8]), choose.pick(EDGES)),
  (bytes, at, choose) => joined(bytes.subarray(0, at + choose.int(200)), bytes.subarray(at)),
  (bytes, at, choose) => joined(bytes.subarray(0, at), bytes.subarray(at + choose.int(200))),
  (bytes, at, choose) => {
    const from = choose.int(bytes.length);
    return bytes.copyWithin(at, from, from + choose.int(64));
  },
];

/** Little-endian; what lies beyond the end is left out. */
export function writeInteger<T extends Uint8Array>(bytes: T, at: number, width: number, value: bigint): T {
  const unsigned = BigInt.asUintN(8 * width, value);
  for (let i = 0; i < width && at + i < bytes.length; i++) bytes[at + i] = Number((unsigned >> BigInt(8 * i)) & 255n);
  return bytes;
}

export function readInteger(bytes: Uint8Array, at: number, width: number): bigint {
  return bytes.subarray(at, at + width).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(parts));
}
