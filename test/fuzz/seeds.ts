import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { convertModel, loadModel, type Model } from "wkv";
import { createChat } from "wkv/chat";
import { readGolden } from "../support/checkpoint-checks.ts";
import { toGguf, toSplitGguf } from "../support/convert-gguf.ts";
import { legacyPth, ownStorages, pth, type Sample, safetensors } from "../support/make-checkpoints.ts";
import { type GgufEntry, list, string, u32 } from "../support/make-gguf.ts";
import { container, toFla, toWebRwkv } from "../support/make-hf.ts";
import { toRwkvCpp } from "../support/make-rwkvcpp.ts";
import { committed, symbols } from "../support/models.ts";
import { randomSamples } from "../support/random-model.ts";
import { asDtype, float32 } from "../support/tensor-values.ts";

const ROWS = 256;
const TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n\n{% endfor %}Assistant:";

/** Sound files of every kind, which the targets then damage; made once a process, in a folder. */
export interface Seeds {
  readonly folder: string;
  readonly model: readonly Sample[];
  /** Models of other versions and dtypes, for changes of tensors. */
  readonly models: readonly (readonly Sample[])[];
  /** A loaded one, for states, chats and LoRAs. */
  readonly loaded: Model;
  bytes(name: string): Uint8Array;
  text(name: string): string;
}

export async function makeSeeds(folder: string): Promise<Seeds> {
  const model = halved(randomSamples({ width: 64, layers: 2, headSize: 32, vocabSize: ROWS }));
  mkdirSync(folder, { recursive: true });
  const put = (name: string, content: Uint8Array | string) => writeFileSync(join(folder, name), content);
  for (const [name, content] of [...modelFiles(model), ...vocabularies(), ...extras(model)]) put(name, content);
  const original = join(folder, "st.safetensors");
  for (const weights of ["int8", "f32"] as const)
    await convertModel(original, join(folder, `packed.${weights}.safetensors`), { weights, vocab: "bytes" });
  const loaded = await loadModel(original, { threads: 1, vocab: "bytes" });
  put("saved.state", await savedState(loaded));
  put("saved.chat", await savedChat(loaded));
  const cached = new Map<string, Uint8Array>();
  const bytes = (name: string) => {
    const content = cached.get(name) ?? new Uint8Array(readFileSync(join(folder, name)));
    cached.set(name, content);
    return content;
  };
  const text = (name: string) => new TextDecoder().decode(bytes(name));
  return { folder, model, models: [model, ...(await committedModels())], loaded, bytes, text };
}

function halved(model: readonly Sample[]): Sample[] {
  return model.map((sample) => asDtype(sample, sample.shape.filter((length) => length > 1).length > 1 ? "F16" : "F32"));
}

async function committedModels(): Promise<Sample[][]> {
  const names = ["q6.pth", "s51.bf16.pth", "s4.bf16.safetensors", "s52.f16.pth", "s50.f32.pth"];
  return Promise.all(names.map(async (name) => [...(await readGolden(committed(name))).values()]));
}

type File = readonly [name: string, content: Uint8Array | string];

function modelFiles(model: readonly Sample[]): File[] {
  const named = new Map(model.map((sample) => [sample.name, sample]));
  const options = { architecture: "rwkv7", headSize: 32, metadata: ggufVocabulary() } as const;
  return [
    ["st.safetensors", safetensors(model)],
    ["fla.safetensors", safetensors(toFla(model))],
    ["web.st", safetensors(toWebRwkv(model))],
    ["zip.pth", pth(ownStorages(model))],
    ["legacy.pth", legacyPth(ownStorages(model))],
    ["r7.bin", toRwkvCpp(named)],
    ["v.gguf", toGguf(named, options)],
    ...toSplitGguf(named, options, 3).map((bytes, i): File => [`split-0000${i + 1}-of-00003.gguf`, bytes]),
    ...["q7.views.pth", "q7.wrapped.pth", "q7.parameter.pth", "q7.legacy.pth", "q6.pth", "s4.bf16.safetensors"].map(
      (name): File => [name, new Uint8Array(readFileSync(committed(name)))],
    ),
  ];
}

function ggufVocabulary(): GgufEntry[] {
  const tokens = Array.from({ length: ROWS }, (_, id) => (id === 0 ? "<s>" : `t${id}`));
  return [
    ["tokenizer.ggml.model", string("rwkv")],
    ["tokenizer.ggml.tokens", list(tokens.map((token) => string(token)))],
    ["tokenizer.ggml.token_type", list(tokens.map((_, id) => u32(id === 0 ? 3 : 1)))],
    ["tokenizer.chat_template", string(TEMPLATE)],
  ];
}

/** Small ones of every format of vocabulary. */
function vocabularies(): File[] {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
  const quoted = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const bytes = Array.from({ length: 256 }, (_, byte) => [byte + 1, byte < 128 ? String.fromCharCode(byte) : [byte]]);
  const words = Array.from({ length: 300 }, (_, i) => [300 + i, `token${i}`]);
  return [
    ["symbols.txt", symbols(ROWS)],
    ["world.txt", printable.map((text, i) => `${i + 1} ${quoted(text)} 1`).join("\n")],
    ["world.json", JSON.stringify(Object.fromEntries([...bytes, ...words]))],
    ["lines.txt", printable.map((text) => `b${quoted(text)}`).join("\n")],
    ["tokenizer.json", JSON.stringify(byteLevelTokenizer(printable))],
  ];
}

function byteLevelTokenizer(characters: readonly string[]): unknown {
  const letters = characters.filter((character) => character.trim() !== "");
  const vocab = Object.fromEntries([...letters, "Ġ", "Ċ", "he", "ll"].map((token, id) => [token, id]));
  const level = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  return {
    version: "1.0",
    added_tokens: [{ id: 98, content: "<|end|>", special: true, lstrip: false, rstrip: false, normalized: false }],
    normalizer: { type: "NFC" },
    pre_tokenizer: level,
    decoder: level,
    model: { type: "BPE", vocab, merges: ["h e", "l l"] },
  };
}

function extras(model: readonly Sample[]): File[] {
  const tuned = [0, 1].map((layer) => small(`blocks.${layer}.att.time_state`, [2, 32, 32]));
  const pairs = ["blocks.0.att.receptance", "blocks.1.ffn.key", "head"].flatMap((name) => {
    const { shape } = model.find((sample) => sample.name === `${name}.weight`) as Sample;
    const [rows = 0, columns = 0] = shape;
    return [small(`${name}.lora_A`, [4, columns]), small(`${name}.lora_B`, [rows, 4])];
  });
  return [
    ["tuned.pth", pth(ownStorages(tuned))],
    ["tuned.safetensors", safetensors(tuned)],
    ["lora.pth", pth(ownStorages(pairs))],
    ["lora.safetensors", safetensors(pairs.map((pair) => ({ ...pair, name: `base_model.model.${pair.name}.weight` })))],
    ["shard.safetensors", container(toFla(model), "safetensors")],
  ];
}

function small(name: string, shape: number[]): Sample {
  const length = shape.reduce((product, axis) => product * axis, 1);
  return float32(
    name,
    shape,
    Float32Array.from({ length }, (_, i) => (((i * 7919) % 13) - 6) / 300),
  );
}

async function savedState(model: Model): Promise<Uint8Array> {
  const session = model.createSession();
  await session.feed([1, 2, 3]);
  const saved = await session.save();
  session.dispose();
  return saved;
}

async function savedChat(model: Model): Promise<Uint8Array> {
  const chat = await createChat(model, { template: TEMPLATE });
  await chat.send("Hi", { maxTokens: 2 }).result();
  const saved = await chat.save();
  chat.dispose();
  return saved;
}
