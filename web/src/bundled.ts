import box from "../../models/box/box.safetensors?url";
import fairy from "../../models/fairy/fairy.safetensors?url";
import vocab from "../../models/fairy/vocab.txt?url";

/** A model that comes with the page. */
export interface Bundled {
  readonly name: "fairy" | "box";
  readonly address: string;
  /** Beside the file; undefined where it carries one. */
  readonly vocab: string | undefined;
  readonly bytes: number;
  /** Whether it was trained to converse. */
  readonly chats: boolean;
  /** That suits it. */
  readonly temperature: number;
  /** Texts to begin with. */
  readonly suggestions: readonly string[];
}

const here = (url: string) => new URL(url, import.meta.url).href;

/** Tells tales: the model for texts. */
export const FAIRY: Bundled = {
  name: "fairy",
  address: here(fairy),
  vocab: here(vocab),
  bytes: __FAIRY_BYTES__,
  chats: false,
  temperature: 0.8,
  suggestions: [
    "Once upon a time",
    "The witch opened the door and",
    "Far away, where the sea is as blue as",
    "THE THREE BROTHERS AND THE BEAR\n\n",
  ],
};

/** Answers from the text it gets: the model for chats. */
export const BOX: Bundled = {
  name: "box",
  address: here(box),
  vocab: undefined,
  bytes: __BOX_BYTES__,
  chats: true,
  temperature: 0,
  suggestions: ["Hello!", "My name is Rosa.", "The key is in the well. Rosa is a miller. Where is the key?"],
};

export const BUNDLED: readonly Bundled[] = [FAIRY, BOX];

/** Texts to begin with, for models that people bring. */
export const SUGGESTIONS: Readonly<Record<"write" | "chat", readonly string[]>> = {
  write: ["Once upon a time", "The three most important inventions are", "# How to bake bread\n\n"],
  chat: ["Why is the sky blue?", "Write a haiku about rain.", "Explain recursion to a child."],
};

/** The bundled model for texts, or the one for chats. */
export function suitedTo(mode: "write" | "chat"): Bundled {
  return mode === "chat" ? BOX : FAIRY;
}

/** The bundled model at an address. */
export function bundledAt(address: string | undefined): Bundled | undefined {
  return BUNDLED.find((model) => model.address === address);
}

export interface Recommended {
  readonly name: string;
  readonly address: string;
  /** Of the download. */
  readonly bytes: number;
  /** Of memory while it runs, as int8: `wkv inspect --memory`. */
  readonly memory: number;
}

/** Published models; sizes as published in 16 bits, memory as `wkv inspect --memory` reckons it. */
export const RECOMMENDED: readonly Recommended[] = [
  { name: "RWKV-7 G1 0.1B", address: "hf:fla-hub/rwkv7-0.1B-g1", bytes: 382e6, memory: 274e6 },
  { name: "RWKV-7 G1 0.4B", address: "hf:fla-hub/rwkv7-0.4B-g1", bytes: 902e6, memory: 570e6 },
  { name: "RWKV-7 World 1.5B", address: "hf:RWKV/RWKV7-Goose-World3-1.5B-HF", bytes: 3056e6, memory: 1797e6 },
  { name: "RWKV-7 World 2.9B", address: "hf:RWKV/RWKV7-Goose-World3-2.9B-HF", bytes: 5896e6, memory: 3355e6 },
];
