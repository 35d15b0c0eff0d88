import { WkvError } from "../errors.ts";
import type { FetchOptions } from "../source/net/fetch-model.ts";
import { type ModelSource, openSource } from "../source/open.ts";
import { readBytes, type Source } from "../source/source.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { configBeside } from "./config.ts";
import { openGguf } from "./gguf.ts";
import { GGUF_MAGIC } from "./gguf-header.ts";
import { isLegacyPth, openLegacyPth } from "./legacy.ts";
import { openPth } from "./pth.ts";
import { GGMF_MAGIC, openRwkvCpp } from "./rwkvcpp.ts";
import { openSafetensors } from "./safetensors.ts";
import { mayBeIndex, openSharded } from "./sharded.ts";
import { withoutWrappers } from "./trainer-names.ts";
import { guessFormat, isText, startsWith } from "./unknown.ts";

/** First bytes, enough to distinguish all formats. */
const HEAD_BYTES = 512;

/**
 * Opens the bytes of a model, a LoRA or a state. What is downloaded is kept only when a reader knows it.
 * @throws WkvError as `openSource`; for a download also as `openCheckpoint`
 */
export function openModelFile(input: ModelSource, options: FetchOptions = {}): Promise<Source> {
  return openSource(input, { ...options, verify: openCheckpoint });
}

/**
 * Opens a model file as a directory of tensors; only headers are read. The format is detected from the content, not the
 * name. If the model is split, the other files are opened next to this one (the index or a part). The source must stay
 * open while its tensors are read; the caller closes it.
 * @throws WkvError `unknown-format` if no reader recognises the bytes; `bad-file` or `unsupported-model` from the
 *   reader
 */
export async function openCheckpoint(source: Source): Promise<Checkpoint> {
  const head = await readBytes(source, 0, Math.min(HEAD_BYTES, source.size));
  const isIndex = isJson(head) && mayBeIndex(source);
  const checkpoint = (isIndex && (await openSharded(source, openShard))) || (await openFile(source, head));
  const config = await configBeside(source);
  return withoutWrappers(config ? { ...checkpoint, config } : checkpoint, source.name);
}

async function openShard(source: Source): Promise<Checkpoint> {
  return openFile(source, await readBytes(source, 0, Math.min(HEAD_BYTES, source.size)));
}

/** A file that contains its tensors itself. */
async function openFile(source: Source, head: Uint8Array): Promise<Checkpoint> {
  if (startsWith(head, "PK\x03\x04") || startsWith(head, "PK\x05\x06")) return openPth(source);
  if (isLegacyPth(head)) return openLegacyPth(source);
  if (startsWith(head, GGUF_MAGIC)) return openGguf(source);
  if (isGgmf(head)) return openRwkvCpp(source);
  if (isSafetensors(head)) return openSafetensors(source);
  const { looksLike, advice } = guessFormat(head);
  throw new WkvError(
    "unknown-format",
    `${source.name} ${looksLike ?? `starts with the unknown bytes ${hex(head)}`}: ${advice}`,
  );
}

function isJson(head: Uint8Array): boolean {
  return /^\s*\{/.test(new TextDecoder().decode(head));
}

function isGgmf(head: Uint8Array): boolean {
  return head.length >= 4 && new DataView(head.buffer).getUint32(0, true) === GGMF_MAGIC;
}

/** Eight bytes of header length, then the JSON header. As text, eight bytes would give an astronomical length. */
function isSafetensors(head: Uint8Array): boolean {
  return head[8] === 0x7b && !isText(head.subarray(0, 8));
}

function hex(head: Uint8Array): string {
  return Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
