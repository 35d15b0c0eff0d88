import { bytesSource, type Source } from "../../host/source/source.ts";

/** Bytes in memory as a source that counts what is read of them. */
export function countingSource(bytes: Uint8Array): { source: Source; read(): number } {
  const inner = bytesSource(bytes);
  let count = 0;
  const read = (target: Uint8Array, offset: number) => {
    count += target.length;
    return inner.read(target, offset);
  };
  return { source: { ...inner, read }, read: () => count };
}
