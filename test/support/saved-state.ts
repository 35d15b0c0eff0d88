/** Saved states, taken apart: host/state/state-file.ts. */

const PREFIX_BYTES = 8;

/** The values of the state, in the published order; the logits behind them, if there are any. */
export function savedValues(saved: Uint8Array): Float32Array {
  return new Float32Array(saved.buffer, dataStart(saved));
}

/** The file that would have been written before the first token's logits were there. */
export function withoutLogits(saved: Uint8Array): Uint8Array {
  const start = dataStart(saved);
  const { logits, ...rest } = JSON.parse(new TextDecoder().decode(saved.subarray(PREFIX_BYTES, start)));
  const end = start + (logits ? logits.data_offsets[0] : saved.length - start);
  const text = new TextEncoder().encode(JSON.stringify(rest));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX_BYTES + headerBytes + end - start).fill(0x20, 0, PREFIX_BYTES + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, PREFIX_BYTES);
  bytes.set(saved.subarray(start, end), PREFIX_BYTES + headerBytes);
  return bytes;
}

function dataStart(saved: Uint8Array): number {
  return PREFIX_BYTES + Number(new DataView(saved.buffer, saved.byteOffset).getBigUint64(0, true));
}
