import { open } from "node:fs/promises";
import { WkvError } from "../../errors.ts";

const CHUNK_BYTES = 1 << 20;

/**
 * The content of a small file or pipe. Node, Deno and Bun only.
 * @returns undefined if it is longer than `maxBytes`
 * @throws WkvError `not-found` if there is no such file
 */
export async function readFile(path: string | URL, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    const handle = await open(path);
    try {
      if ((await handle.stat()).isDirectory())
        throw new WkvError("not-found", `${path} is a directory: give a file in it.`);
      return await readUpTo(handle, maxBytes);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof WkvError) throw error;
    throw new WkvError("not-found", `${path} cannot be read (${(error as Error).message}).`, { cause: error });
  }
}

/** The size of a pipe is unknown in advance. */
async function readUpTo(handle: Awaited<ReturnType<typeof open>>, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let length = 0; length <= maxBytes; ) {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return undefined;
}
