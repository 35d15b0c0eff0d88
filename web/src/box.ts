import fairy from "../../models/fairy/fairy.safetensors?url";
import vocab from "../../models/fairy/vocab.txt?url";

/** The model that comes with the page. */
export const BOX = {
  name: "fairy",
  address: new URL(fairy, import.meta.url).href,
  vocab: new URL(vocab, import.meta.url).href,
  bytes: 7_550_926,
  /** Whether it was trained to converse. */
  chats: false,
  prompt: "Once upon a time",
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
