/** GGUF files of Q4_0 with a published shape, whatever their size: nothing is made in memory but a block of noise. */
import { open } from "node:fs/promises";
import { BLOCK, type Dtype } from "../../host/checkpoint/dtypes.ts";
import { ggufHeader } from "../../host/checkpoint/gguf-writer.ts";
import { ggufMetadata } from "../../host/convert/gguf-metadata.ts";
import { ggufTensors } from "../../host/convert/gguf-tensors.ts";
import { type PublishedShape, withoutValues } from "../../host/inspect/published.ts";
import { recogniseModel } from "../../host/models/recognise.ts";
import type { Tokenizer } from "../../host/tokenizer/tokenizer.ts";

/** @param isPure Q4_0 also for the head, and for the embedding */
export async function writeQ4(
  path: string,
  shape: PublishedShape,
  { tokenizer, isPure = false }: { tokenizer?: Tokenizer; isPure?: boolean } = {},
): Promise<void> {
  const recipe = recogniseModel(withoutValues(shape), shape.name);
  const tensors = ggufTensors(recipe, "int4", shape.name).map((tensor) =>
    isPure && tensor.dtype === "Q8_0" ? { ...tensor, dtype: "Q4_0" as const, bytes: (tensor.bytes / 34) * 18 } : tensor,
  );
  const aligned = (bytes: number) => Math.ceil(bytes / 32) * 32;
  let offset = 0;
  const placed = tensors.map((tensor) => ({
    ...tensor,
    offset: (offset += aligned(tensor.bytes)) - aligned(tensor.bytes),
  }));
  const facts = { recipe, name: shape.name, weights: "int4", tokenizer, template: undefined } as const;
  const header = ggufHeader(placed, ggufMetadata(facts));
  const handle = await open(path, "wx");
  await handle.write(header, 0, header.length, 0);
  for (const { name, dtype, bytes, offset } of placed) {
    const block = noiseOf(dtype, /(norm|_ln|k_[ka])\.weight$/.test(name));
    for (let done = 0; done < bytes; done += block.length)
      await handle.write(block, 0, Math.min(block.length, bytes - done), aligned(header.length) + offset + done);
  }
  await handle.truncate(aligned(header.length) + offset);
  await handle.close();
}

/** A megabyte or so of values up to 1/32, or of ones. */
function noiseOf(dtype: Dtype, ones: boolean): Uint8Array {
  const { bytes: size } = BLOCK[dtype];
  const count = 1 << 15;
  const bytes = Uint8Array.from({ length: size * count }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
  const view = new DataView(bytes.buffer);
  const scales: Partial<Record<Dtype, number>> = { Q4_0: 0x1c00, Q8_0: 0x0c00 };
  for (let at = 0; at < bytes.length; at += size) {
    if (dtype === "F32") view.setFloat32(at, ones ? 1 : (view.getInt8(at) || 1) / 4096, true);
    else if (dtype === "F16") view.setUint16(at, (view.getUint16(at) & 0x83ff) | 0x2000, true);
    else view.setUint16(at, scales[dtype]!, true);
  }
  return bytes;
}
