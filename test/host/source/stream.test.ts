/** Streams into memory: of bytes, whose one buffer is used again and again, and of any other kind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { customSource } from "../../../host/source/source.ts";

const SIZE = 300_000;
const BYTES = Uint8Array.from({ length: SIZE }, (_, i) => Math.imul(i, 2654435761) >>> 24);

/** A stream of bytes, which notes the buffers that it was lent. */
function byteStream(bytes: Uint8Array, lent: number[] = []): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const view = controller.byobRequest?.view as Uint8Array;
      lent.push(view.byteLength);
      const part = bytes.subarray(at, at + Math.min(view.byteLength, 10_001));
      new Uint8Array(view.buffer, view.byteOffset).set(part);
      at += part.length;
      if (part.length === 0) controller.close();
      controller.byobRequest?.respond(part.length);
    },
  });
}

/** A stream of pieces that come as they are. */
function pieceStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 77_777) controller.enqueue(bytes.slice(at, at + 77_777));
      controller.close();
    },
  });
}

const source = (streamOf: (part: Uint8Array) => ReadableStream<Uint8Array>) =>
  customSource({ size: SIZE, read: async (offset, length) => streamOf(BYTES.subarray(offset, offset + length)) }, "it");

for (const [kind, streamOf] of [
  ["bytes", byteStream],
  ["pieces", pieceStream],
  ["a response", (part: Uint8Array) => new Response(part.slice()).body as ReadableStream<Uint8Array>],
] as const)
  test(`a stream of ${kind}, several at once, into shared memory`, async () => {
    const { read } = source((part) => streamOf(part));
    const target = new Uint8Array(new SharedArrayBuffer(SIZE));
    const cuts = [0, 1, 100_000, 265_536, SIZE];
    await Promise.all(cuts.slice(1).map((end, i) => read(target.subarray(cuts[i], end), cuts[i] as number)));
    assert.deepEqual(target.slice(), BYTES);
  });

test("too few bytes and too many are a damaged file, and leave what is beyond alone", async () => {
  for (const more of [-1, 1]) {
    const target = new Uint8Array(1000);
    const { read } = source((part) => byteStream(BYTES.subarray(0, part.length + more)));
    await assert.rejects(read(target.subarray(0, 500), 0), { code: "bad-file", message: /returned (499|501) bytes/ });
    assert.ok(target.subarray(500).every((byte) => byte === 0));
  }
});

test("streams of bytes share one buffer", async () => {
  const lent: number[] = [];
  const { read } = source((part) => byteStream(part, lent));
  await read(new Uint8Array(SIZE), 0);
  assert.deepEqual([...new Set(lent)], [64 << 10]);
});
