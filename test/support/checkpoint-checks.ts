import assert from "node:assert/strict";
import { resolve } from "node:path";
import type { Checkpoint, Tensor } from "../../host/checkpoint/checkpoint.ts";
import { byteLength } from "../../host/checkpoint/dtypes.ts";
import { openCheckpoint } from "../../host/checkpoint/open.ts";
import { WkvError, type WkvErrorCode } from "../../host/errors.ts";
import { fileSource } from "../../host/source/disk/file.ts";
import { bytesSource } from "../../host/source/source.ts";
import type { Sample } from "./make-checkpoints.ts";
import { goldenFolder } from "./missing.ts";

export function openBytes(bytes: Uint8Array, name = "test.bin"): Promise<Checkpoint> {
  return openCheckpoint(bytesSource(bytes, name));
}

/** A tensor's bytes, read in pieces that fit no row and no value. */
export async function readTensor(tensor: Tensor, piece = 4099): Promise<Uint8Array> {
  const size = byteLength(
    tensor.dtype,
    tensor.shape.reduce((a, b) => a * b, 1),
  );
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += piece) await tensor.read(bytes.subarray(at, at + piece), at);
  return bytes;
}

export async function readAll(checkpoint: Checkpoint): Promise<Map<string, Sample>> {
  const samples = new Map<string, Sample>();
  for (const [name, tensor] of checkpoint.tensors) {
    assert.equal(tensor.name, name);
    samples.set(name, { name, dtype: tensor.dtype, shape: [...tensor.shape], bytes: await readTensor(tensor) });
  }
  return samples;
}

export async function readGolden(path: string): Promise<Map<string, Sample>> {
  const source = await fileSource(resolve(goldenFolder, path));
  try {
    return await readAll(await openCheckpoint(source));
  } finally {
    await source.close();
  }
}

/** Names, types, shapes and bytes; the order of names does not matter. */
export function assertSame(actual: ReadonlyMap<string, Sample>, expected: Iterable<Sample>): void {
  const wanted = [...expected];
  assert.deepEqual([...actual.keys()].sort(), wanted.map(({ name }) => name).sort());
  for (const { name, dtype, shape, bytes } of wanted) {
    assert.deepEqual([actual.get(name)!.dtype, actual.get(name)!.shape], [dtype, shape], name);
    assert.ok(Buffer.from(bytes).equals(actual.get(name)!.bytes), `bytes of ${name} differ`);
  }
}

/** Opens and reads everything, which must fail with this error. */
export async function assertRefused(bytes: Uint8Array, code: WkvErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(
    async () => readAll(await openBytes(bytes)),
    (error: unknown) => {
      assert.ok(error instanceof WkvError, `not a WkvError: ${error}`);
      assert.match(error.message, message);
      assert.match(error.message, /test\.bin/);
      assert.equal(error.code, code, error.message);
      return true;
    },
  );
}

/** Opens and reads everything: true when that works, false for a WkvError; anything else is thrown. */
export async function opens(bytes: Uint8Array): Promise<boolean> {
  try {
    await readAll(await openBytes(bytes));
    return true;
  } catch (error) {
    if (error instanceof WkvError) return false;
    throw error;
  }
}
