import box from "../../models/box/box.gguf?url";

type TextMode = "write" | "chat";

/** The model that comes with the page. */
export const BOX = {
  name: "box",
  address: new URL(box, import.meta.url).href,
  bytes: __BOX_BYTES__,
  /** That suits it. */
  temperature: { write: 0.8, chat: 0 } satisfies Record<TextMode, number>,
  /** Texts to begin with. */
  suggestions: {
    write: [
      "Once upon a time",
      "The witch opened the door and",
      "Far away, where the sea is as blue as",
      "THE THREE BROTHERS AND THE BEAR\n\n",
    ],
    chat: ["Hello!", "My name is Rosa.", "The key is in the well. Rosa is a miller. Where is the key?"],
  } satisfies Record<TextMode, readonly string[]>,
};

/** Texts to begin with, for models that people bring. */
export const SUGGESTIONS: Readonly<Record<TextMode, readonly string[]>> = {
  write: ["Once upon a time", "The three most important inventions are", "# How to bake bread\n\n"],
  chat: ["Why is the sky blue?", "Write a haiku about rain.", "Explain recursion to a child."],
};

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
