import { WkvError } from "../errors.ts";
import { isTemplateName, type TemplateName } from "../prompt/formats.ts";
import { type ChatMessage, checkMessages } from "./messages.ts";

// A saved chat, little-endian: "wkvc", version, length of the JSON, JSON { messages, template?, text }, the state.
const MAGIC = 0x63766b77;
const VERSION = 1;
const HEADER = 12;

export interface SavedChat {
  readonly messages: readonly ChatMessage[];
  /** The name of a template bundled with wkv; others are not saved. */
  readonly template: TemplateName | undefined;
  /** The text that the state has read. */
  readonly text: string;
  readonly state: Uint8Array | undefined;
}

export function writeSaved(chat: Omit<SavedChat, "template"> & { template: string }): Uint8Array<ArrayBuffer> {
  const { messages, text, state = new Uint8Array(0) } = chat;
  const template = isTemplateName(chat.template) ? chat.template : undefined;
  const json = new TextEncoder().encode(JSON.stringify({ messages, template, text }));
  const bytes = new Uint8Array(HEADER + json.length + state.length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [MAGIC, VERSION, json.length].entries()) view.setUint32(4 * i, word, true);
  bytes.set(json, HEADER);
  bytes.set(state, HEADER + json.length);
  return bytes;
}

/** @throws WkvError `bad-state` for anything not written by `writeSaved` */
export function readSaved(bytes: Uint8Array): SavedChat {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`"saved" expected a Uint8Array, got ${typeof bytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER || view.getUint32(0, true) !== MAGIC)
    throw new WkvError("bad-state", "These bytes are not a saved chat: give what chat.save() returned.");
  const [version, length] = [view.getUint32(4, true), view.getUint32(8, true)];
  if (version !== VERSION)
    throw new WkvError(
      "bad-state",
      `The saved chat has version ${version}, but this wkv reads ${VERSION}: save it again.`,
    );
  if (HEADER + length > bytes.length) throw damaged();
  const state = bytes.subarray(HEADER + length);
  return { ...readJson(bytes.slice(HEADER, HEADER + length)), state: state.length > 0 ? state : undefined };
}

function readJson(bytes: Uint8Array): Omit<SavedChat, "state"> {
  try {
    const { messages, template, text } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    checkMessages(messages);
    if (typeof text !== "string") throw new TypeError('"text" expected a text');
    return { messages, template: isTemplateName(template) ? template : undefined, text };
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(cause?: unknown): WkvError {
  return new WkvError("bad-state", "The saved chat is truncated or damaged: save it again.", { cause });
}
