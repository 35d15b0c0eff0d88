import type { Source } from "../source/source.ts";
import { damaged } from "./damage.ts";
import { type GgufHeader, readGgufHeader } from "./gguf-header.ts";
import type { Metadata } from "./metadata.ts";
import { MAX_PARTS, openPart } from "./parts.ts";

/** One file of a model, whole or split. */
export interface GgufPart {
  /** A plain file name. */
  readonly name: string;
  readonly source: Source;
  readonly header: GgufHeader;
}

/** Only the first part has a vocabulary. */
const MAX_HEADERS_BYTES = 2 ** 26;

/** `NAME-00001-of-00003.gguf`, the naming of llama-gguf-split. */
const PART = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/;

/**
 * The headers of all parts of a model, in order (one if it is not split). Only the first has the model's metadata.
 * @param source any part
 * @throws WkvError `bad-file` if parts are missing or belong to different models
 */
export async function openGgufParts(source: Source): Promise<GgufPart[]> {
  const header = await readGgufHeader(source);
  const name = source.name.replace(/^.*[/\\]/, "");
  const count = header.metadata.get("split.count") ?? 1;
  if (count === 0 || count === 1) return [{ name, source, header }];
  if (typeof count !== "number" || !(count <= MAX_PARTS))
    throw damaged(source.name, `it claims to be one of ${count} parts: fetch it again.`);
  const [, base, , total, ending] = PART.exec(name) ?? [];
  if (Number(total) !== count)
    throw damaged(
      source.name,
      `it is one of ${count} parts, which must be named ...-00001-of-${digits(count)}.gguf and so on: ` +
        "restore the original name, or join the parts with llama-gguf-split --merge.",
    );
  const parts: GgufPart[] = [];
  let headerBytes = 0;
  for (let i = 0; i < count; i++) {
    const file = `${base}-${digits(i + 1)}-of-${total}${ending}`;
    const part = file === name ? source : await openPart(source, file);
    parts.push({ name: file, source: part, header: part === source ? header : await readGgufHeader(part) });
    checkPart(parts[i]!, i, count);
    headerBytes += parts[i]!.header.length;
    if (headerBytes > MAX_HEADERS_BYTES)
      throw damaged(source.name, `the headers of its parts exceed ${MAX_HEADERS_BYTES} bytes: fetch them again.`);
  }
  return parts;
}

function digits(number: number): string {
  return String(number).padStart(5, "0");
}

function checkPart({ source, header: { metadata } }: GgufPart, index: number, count: number): void {
  if (metadata.get("split.no") !== index || metadata.get("split.count") !== count)
    throw damaged(
      source.name,
      `its header says part ${metadata.get("split.no")} of ${metadata.get("split.count")}, its name part ${index} of ` +
        `${count}, counted from 0: the parts are of different models; fetch them again.`,
    );
}

/** @throws WkvError `bad-file` if the parts do not have the number of tensors stated by the first one */
export function checkSplitCount(metadata: Metadata, tensors: number, file: string): void {
  const expected = metadata.get("split.tensors.count");
  if (expected === undefined || expected === tensors) return;
  throw damaged(file, `its parts have ${tensors} tensors, but ${expected} belong to the model: fetch them again.`);
}
