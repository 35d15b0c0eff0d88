import { join } from "node:path";
import { convertModel } from "wkv";
import { inspectModel } from "../../../host/inspect/inspect.ts";
import {
  legacyPth,
  legacyPthOf,
  ownStorages,
  pth,
  pthOf,
  type Sample,
  safetensors,
  stateDict,
} from "../../support/make-checkpoints.ts";
import { toFla, toTransformers, toWebRwkv } from "../../support/make-hf.ts";
import { pickle } from "../../support/make-pickle.ts";
import { toRwkvCpp } from "../../support/make-rwkvcpp.ts";
import type { Choices } from "../choices.ts";
import { EDGES } from "../choices.ts";
import { joined, mutateBytes, readInteger, writeInteger } from "../mutate-bytes.ts";
import { mutateJson } from "../mutate-json.ts";
import { mutatePickle } from "../mutate-pickle.ts";
import { mutateTensors } from "../mutate-tensors.ts";
import type { Seeds } from "../seeds.ts";
import { bytesOf, fromText, type Input, type Target, written } from "../target.ts";
import { useModel } from "./use-model.ts";

type Make = Target["make"];

/** Model files of one piece: whatever is in them, loading ends or refuses. */
const model = (make: Make): Target => ({ make, run: (input) => useModel(bytesOf(input)) });

const damaged =
  (names: readonly string[]): Make =>
  (choose, seeds) =>
    mutateBytes(seeds.bytes(choose.pick(names)), choose);

const either =
  (...makes: readonly Make[]): Make =>
  (choose, seeds) =>
    choose.pick(makes)(choose, seeds);

/** A safetensors file whose header's JSON is changed. */
export const headerOf =
  (names: readonly string[]): Make =>
  (choose, seeds) => {
    const bytes = seeds.bytes(choose.pick(names));
    const length = Number(readInteger(bytes, 0, 8));
    const header = fromText(mutateJson(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))), choose));
    const size = choose.chance(0.03) ? choose.pick(EDGES) : BigInt(header.length);
    return joined(writeInteger(new Uint8Array(8), 0, 8, size), header, bytes.subarray(8 + length));
  };

/** Tensors that a writer of files could have got wrong, in a sound container. */
const changedTensors =
  (container: (samples: Sample[]) => Uint8Array): Make =>
  (choose, seeds) => {
    const samples = named(mutateTensors(choose.pick(seeds.models), choose), choose);
    try {
      return container(samples);
    } catch {
      return safetensors(samples); // which can hold anything
    }
  };

/** By another naming scheme, where the tensors are still enough of a model for it. */
function named(samples: Sample[], choose: Choices): Sample[] {
  if (choose.chance(0.7)) return samples;
  try {
    return choose.pick([toFla, toWebRwkv, toTransformers])(samples);
  } catch {
    return samples;
  }
}

const changedPickle: Make = (choose, seeds) => {
  const tensors = ownStorages(seeds.model);
  const storages = tensors.map(({ storage }) => storage);
  if (choose.chance(0.5)) return pthOf(mutatePickle(pickle(stateDict(tensors)), choose), storages);
  return legacyPthOf(mutatePickle(pickle(stateDict(tensors, true)), choose), storages);
};

/** Where zip files keep what says how many, how long and from where; see APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16. */
const ZIP_FIELDS: Record<number, readonly (readonly [at: number, width: number])[]> = {
  67324752: [[6, 2], [8, 2], [14, 4], [18, 4], [22, 4], [26, 2], [28, 2]], // biome-ignore format: a table
  33639248: [[8, 2], [10, 2], [16, 4], [20, 4], [24, 4], [28, 2], [30, 2], [32, 2], [42, 4]], // biome-ignore format: a table
  101010256: [[4, 2], [8, 2], [10, 2], [12, 4], [16, 4], [20, 2]], // biome-ignore format: a table
};

const changedZip: Make = (choose, seeds) => {
  const bytes = Uint8Array.from(seeds.bytes(choose.pick(["zip.pth", "q7.views.pth", "q6.pth"])));
  const fields = zipFields(bytes);
  choose.times(3, () => changeField(bytes, ...choose.pick(fields), choose));
  return bytes;
};

function zipFields(bytes: Uint8Array): [at: number, width: number][] {
  const fields: [number, number][] = [];
  for (let at = 0; at + 4 <= bytes.length; at++)
    if (bytes[at] === 0x50 && bytes[at + 1] === 0x4b)
      for (const [offset, width] of ZIP_FIELDS[Number(readInteger(bytes, at, 4))] ?? [])
        fields.push([at + offset, width]);
  return fields;
}

function changeField(bytes: Uint8Array, at: number, width: number, choose: Choices): void {
  const value = readInteger(bytes, at, width);
  const near = value + BigInt(choose.pick([1, -1, 8, 30, -30, 32, -32, 64]));
  writeInteger(bytes, at, width, choose.chance(0.5) ? choose.pick(EDGES) : near);
}

/** Counts, lengths and types are anywhere in the head of a GGUF or rwkv.cpp file, so any aligned word is changed. */
const changedWords =
  (names: readonly string[], width: number): Make =>
  (choose, seeds) => {
    const bytes = Uint8Array.from(seeds.bytes(choose.pick(names)));
    choose.times(3, () => changeField(bytes, 4 + width * choose.int(600 / width), width, choose));
    return bytes;
  };

const PACKED = ["packed.int8.safetensors", "packed.f32.safetensors"];

/** Several files of one model: some damaged, one missing now and then. */
function folderOf(names: readonly string[], choose: Choices, seeds: Seeds): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const name of names)
    if (choose.chance(0.97))
      files[name] = choose.chance(0.3) ? mutateBytes(seeds.bytes(name), choose) : seeds.bytes(name);
  return files;
}

const SPLIT = [1, 2, 3].map((part) => `split-0000${part}-of-00003.gguf`);
const PART_NAMES = [
  "../../../etc/passwd",
  "/etc/passwd",
  "..",
  ".",
  "",
  "a/b",
  "C:\\x",
  "CON",
  "..\\x",
  "a\u0000b",
  7,
  null,
];

/** A repository of Hugging Face in shards, with an index that may name anything. */
const sharded: Make = (choose, seeds) => {
  const shard = "model-00001-of-00001.safetensors";
  const { weight_map: map, ...rest } = shardIndex(seeds, shard);
  if (choose.chance(0.5)) map[choose.pick(Object.keys(map))] = choose.pick<unknown>(PART_NAMES);
  const index = { ...rest, weight_map: map };
  return {
    [shard]: choose.chance(0.2)
      ? mutateBytes(seeds.bytes("shard.safetensors"), choose)
      : seeds.bytes("shard.safetensors"),
    "model.safetensors.index.json": fromText(choose.chance(0.6) ? mutateJson(index, choose) : JSON.stringify(index)),
  };
};

function shardIndex(seeds: Seeds, shard: string): { metadata: unknown; weight_map: Record<string, unknown> } {
  const names = toFla(seeds.model).map(({ name }) => [name, shard]);
  return { metadata: { total_size: 1 }, weight_map: Object.fromEntries(names) };
}

const CONFIG = {
  architectures: ["RWKV7ForCausalLM"],
  model_type: "rwkv7",
  hidden_size: 64,
  head_dim: 32,
  norm_eps: 1e-5,
};

/** A repository of Hugging Face: the model with everything that is beside it. */
const repository: Make = (choose, seeds) => {
  const maybe = (json: unknown) => fromText(choose.chance(0.7) ? mutateJson(json, choose) : JSON.stringify(json));
  return {
    "model.safetensors": seeds.bytes("fla.safetensors"),
    "config.json": maybe(CONFIG),
    "tokenizer_config.json": maybe({ chat_template: "{{ messages[0].content }}" }),
    ...(choose.chance(0.5)
      ? { "tokenizer.json": maybe(JSON.parse(seeds.text("tokenizer.json"))) }
      : { "vocab.txt": seeds.bytes("symbols.txt") }),
  };
};

const anyFile: Make = either(
  damaged(["st.safetensors", "zip.pth", "legacy.pth", "v.gguf", "r7.bin", "lora.pth", "tuned.pth", "q7.views.pth"]),
  headerOf(["st.safetensors", ...PACKED]),
  changedWords(["v.gguf"], 8),
);

export const fileTargets: Record<string, Target> = {
  tensors: model(
    either(
      changedTensors(safetensors),
      changedTensors((samples) => pth(ownStorages(samples))),
      changedTensors((samples) => legacyPth(ownStorages(samples))),
      changedTensors((samples) => toRwkvCpp(new Map(samples.map((sample) => [sample.name, sample])))),
    ),
  ),
  safetensors: model(
    either(
      damaged(["st.safetensors", "fla.safetensors", "web.st", "s4.bf16.safetensors"]),
      headerOf(["st.safetensors", "fla.safetensors", "web.st"]),
    ),
  ),
  pickle: model(changedPickle),
  pth: model(damaged(["zip.pth", "q7.parameter.pth", "q7.wrapped.pth", "legacy.pth", "q7.legacy.pth"])),
  zip: model(changedZip),
  gguf: model(either(damaged(["v.gguf"]), changedWords(["v.gguf"], 4), changedWords(["v.gguf"], 8))),
  rwkvcpp: model(either(damaged(["r7.bin"]), changedWords(["r7.bin"], 4))),
  packed: model(either(damaged(PACKED), headerOf(PACKED))),
  split: {
    make: (choose, seeds) => folderOf(SPLIT, choose, seeds),
    run: (input, seeds) => useModel(join(written(input, seeds), SPLIT[0] as string)),
  },
  sharded: { make: sharded, run: (input, seeds) => useModel(written(input, seeds)) },
  repository: {
    make: repository,
    // With the vocabulary that is beside it.
    run: (input, seeds) => useModel(written(input, seeds), { vocab: undefined as never }),
  },
  lora: {
    make: either(damaged(["lora.pth", "lora.safetensors"]), headerOf(["lora.safetensors"])),
    run: (input, seeds) => useModel(seeds.bytes("st.safetensors"), { lora: [{ source: bytesOf(input) }] }),
  },
  inspect: { make: anyFile, run: (input, seeds) => inspectModel(join(written(input, seeds), "model")) },
  convert: {
    make: either(damaged(["st.safetensors", "zip.pth", "v.gguf", "r7.bin"]), changedWords(["v.gguf"], 4)),
    run: (input, seeds) => convert(input, seeds),
  },
};

async function convert(input: Input, seeds: Seeds): Promise<void> {
  const out = join(written(input, seeds), "converted.safetensors");
  await convertModel(bytesOf(input), out, { vocab: null });
  await useModel(out);
}
