// Measures how fast this memory can be read, the yardstick for decoding.
import { argument, begin, claim, end, pointer } from "./pool";

/** Bytes that a thread reads per claim. */
const RUN: i32 = 1 << 18;

let sink: v128 = i64x2.splat(0);

/** OP_READ(src, bytes) */
export function readMemory(): void {
  const bytes = argument(1);
  while (claim((bytes + RUN - 1) / RUN)) read(pointer(0) + begin * RUN, pointer(0) + min(end * RUN, bytes));
}

function read(at: usize, stop: usize): void {
  let a = i64x2.splat(0);
  let b = a;
  for (; at + 64 <= stop; at += 64) {
    a = v128.xor(a, v128.xor(v128.load(at), v128.load(at, 16)));
    b = v128.xor(b, v128.xor(v128.load(at, 32), v128.load(at, 48)));
  }
  sink = v128.xor(sink, v128.xor(a, b));
}
