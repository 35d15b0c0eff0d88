import { loadChat } from "wkv/chat";
import { joined, mutateBytes, readInteger, writeInteger } from "../mutate-bytes.ts";
import { mutateJson } from "../mutate-json.ts";
import { bytesOf, fromText, type Target } from "../target.ts";
import { headerOf } from "./files.ts";

const state: Target = {
  make: (choose, seeds) =>
    choose.chance(0.4) ? mutateBytes(seeds.bytes("saved.state"), choose) : headerOf(["saved.state"])(choose, seeds),
  async run(input, { loaded }) {
    const session = loaded.createSession(bytesOf(input));
    try {
      await session.feed([1, 2]);
      await session.save();
    } finally {
      session.dispose();
    }
  },
};

const tunedState: Target = {
  make: (choose, seeds) =>
    choose.chance(0.5)
      ? mutateBytes(seeds.bytes(choose.pick(["tuned.pth", "tuned.safetensors", "saved.state"])), choose)
      : headerOf(["tuned.safetensors", "saved.state"])(choose, seeds),
  async run(input, { loaded }) {
    const session = loaded.createSession({ initialState: await loaded.loadState(bytesOf(input)) });
    try {
      await session.feed([1, 2]);
      session.reset();
      await session.feed([3]);
    } finally {
      session.dispose();
    }
  },
};

/** Bytes before the JSON of a saved chat; the last four of them are its length. */
const CHAT_HEAD = 12;

const chat: Target = {
  make(choose, seeds) {
    const saved = seeds.bytes("saved.chat");
    if (choose.chance(0.3)) return mutateBytes(saved, choose, 400);
    const end = CHAT_HEAD + Number(readInteger(saved, CHAT_HEAD - 4, 4));
    const json = fromText(mutateJson(JSON.parse(new TextDecoder().decode(saved.subarray(CHAT_HEAD, end))), choose));
    const head = writeInteger(saved.slice(0, CHAT_HEAD), CHAT_HEAD - 4, 4, BigInt(json.length));
    return joined(head, json, saved.subarray(end));
  },
  async run(input, { loaded }) {
    const continued = await loadChat(loaded, bytesOf(input));
    try {
      await continued.save();
    } finally {
      continued.dispose();
    }
  },
};

export const stateTargets: Record<string, Target> = { state, tunedState, chat };
