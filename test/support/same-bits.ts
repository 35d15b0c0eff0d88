import assert from "node:assert/strict";

/** Compares logits or bytes bit by bit. */
export function assertSameBits(
  actual: Float32Array | Uint8Array,
  expected: Float32Array | Uint8Array,
  what: string,
): void {
  assert.ok(bytesOf(actual).equals(bytesOf(expected)), `${what}: other logits`);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
