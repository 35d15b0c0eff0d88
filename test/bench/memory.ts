// npm run bench:memory: the peak memory of loading a model from each container, each in a process of its own, against the
// packed weights. With --large: a model of the 2.9B shape, its packed file, and how long a start takes against reading. With
// --huge: a GGUF of the 7.2B shape in Q4_0, 4 GB, loaded as int4 with its embedding in the file.
import { spawnSync } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertModel, type LoadOptions } from "wkv";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { safetensorsHeader } from "../../host/convert/packed-writer.ts";
import { PUBLISHED, withoutValues } from "../../host/inspect/published.ts";
import { readGolden } from "../support/checkpoint-checks.ts";
import { toGguf } from "../support/convert-gguf.ts";
import { legacyPth, ownStorages, pth, type Sample, safetensors } from "../support/make-checkpoints.ts";
import { toRwkvCpp } from "../support/make-rwkvcpp.ts";
import { writeQ4 } from "../support/q4-gguf.ts";
import { isQuantised, randomBlocks } from "../support/random-blocks.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { thisMachine } from "./peers/machine.ts";

const SHAPE = { layers: 8, width: 512, headSize: 64, vocabSize: 65536 };
const LIMIT = 100;

interface Measured {
  /** After loading, and after a session has read three tokens. */
  peak: number;
  answered: number;
  stateBytes: number;
  bytes: number;
  seconds: number;
  bits: number;
  finite: boolean;
  /** What was written, and tokens per second. */
  tokens?: number[];
  rate?: number;
}

function child(script: string, path: string, options: LoadOptions = {}, write = 0): Measured {
  const program = fileURLToPath(new URL(`memory/${script}.mjs`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, path, JSON.stringify(options), `${write}`], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const folder = tempFolder("memory");
if (process.argv.includes("--huge")) await huge();
else await (process.argv.includes("--large") ? large() : everyContainer());

async function everyContainer(): Promise<void> {
  console.log(
    "| File | File MB | Packed MB, int8 | Peak MB, loaded | Peak - packed | Peak MB, after an answer |\n| --- | --- | --- | --- | --- | --- |",
  );
  for (const [name, make] of await containers()) {
    const path = join(folder, name);
    await make(path);
    const { peak, answered, bytes } = child("load", path);
    const over = (peak - bytes) / 1e6;
    const cells = [
      name,
      mb(statSync(path).size),
      mb(bytes),
      mb(peak),
      `${over.toFixed(0)}${over > LIMIT ? ` > ${LIMIT}` : ""}`,
      mb(answered),
    ];
    console.log(`| ${cells.join(" | ")} |`);
    rmSync(path);
  }
}

type Make = (path: string) => Promise<unknown>;

async function containers(): Promise<[name: string, make: Make][]> {
  const base = join(folder, "base");
  await convertModel(syntheticModel(SHAPE), base, { weights: "f16", vocab: null });
  const model = await readGolden(base);
  const samples = [...model.values()];
  const eights = new Map(
    samples.map((sample): [string, Sample] => [
      sample.name,
      isQuantised(sample) ? randomBlocks(sample, "Q8_0") : sample,
    ]),
  );
  const gguf = { architecture: "rwkv7", headSize: SHAPE.headSize } as const;
  const write =
    (bytes: () => Uint8Array): Make =>
    async (path) =>
      writeFileSync(path, bytes());
  return [
    ["f16.safetensors", write(() => safetensors(samples))],
    ["f16.pth", write(() => pth(ownStorages(samples)))],
    ["f16.legacy.pth", write(() => legacyPth(ownStorages(samples)))],
    ["f16.rwkvcpp.bin", write(() => toRwkvCpp(model))],
    ["f16.gguf", write(() => toGguf(model, gguf))],
    ["q8_0.gguf", write(() => toGguf(eights, gguf))],
    ["packed.safetensors", (path) => convertModel(base, path, { vocab: null })],
  ];
}

async function large(): Promise<void> {
  const shape = PUBLISHED.find(({ name }) => name === "RWKV-7 2.9B")!;
  const source = join(folder, "large.safetensors");
  await writeLarge(source, shape);
  console.log(`${shape.name}: ${mb(statSync(source).size)} MB of f16`);
  const packed = join(folder, "large.packed.safetensors");
  const loaded = child("load", source);
  report("loaded as int8", loaded);
  const start = performance.now();
  await convertModel(source, packed, { vocab: null });
  console.log(`converted in ${((performance.now() - start) / 1000).toFixed(1)} s: ${mb(statSync(packed).size)} MB`);
  rmSync(source);
  const rounds = Array.from({ length: 5 }, () => ({ start: child("load", packed), read: child("read", packed) }));
  const best = (seconds: number[]) => Math.min(...seconds);
  const [starts, reads] = [best(rounds.map((r) => r.start.seconds)), best(rounds.map((r) => r.read.seconds))];
  report("packed, loaded", rounds[0]!.start);
  console.log(`same bits: ${rounds.every((r) => r.start.bits === loaded.bits)}`);
  console.log(
    `start ${starts.toFixed(2)} s, only reading ${reads.toFixed(2)} s: ${(starts / reads).toFixed(3)} times (best of 5)`,
  );
}

async function huge(): Promise<void> {
  const shape = PUBLISHED.find(({ name }) => name === "RWKV-7 7.2B")!;
  const source = join(folder, "huge.gguf");
  await writeQ4(source, shape, { isPure: process.argv.includes("--pure") });
  const { processor, cores } = thisMachine();
  console.log(`${processor}, ${cores} cores, Node ${process.versions.node}`);
  console.log(`${shape.name}: ${mb(statSync(source).size)} MB of Q4_0`);
  const measured = child("load", source, { weights: "int4", embedding: "source" }, 16);
  report("loaded as int4, the embedding in the file", measured);
  const { tokens = [], rate = 0 } = measured;
  console.log(`wrote ${tokens.length} tokens, ${new Set(tokens).size} different ones, at ${rate.toFixed(2)} tokens/s`);
  rmSync(source);
}

function report(what: string, { peak, answered, bytes, stateBytes, seconds, finite }: Measured): void {
  const [over, later] = [mb(peak - bytes), mb(answered - bytes - stateBytes)];
  console.log(
    `${what}: ${seconds.toFixed(1)} s, peak ${mb(peak)} MB = packed ${mb(bytes)} + ${over} MB; ` +
      `after an answer ${mb(answered)} MB = packed + session ${mb(stateBytes)} + ${later} MB; logits finite: ${finite}`,
  );
}

/** Random f16 of the right sizes, in a file: one block of noise again and again, from changing places. */
async function writeLarge(path: string, shape: (typeof PUBLISHED)[number]): Promise<void> {
  const tensors = [...withoutValues(shape).tensors.values()].map(({ name, shape: dims }) => {
    const bytes = 2 * dims.reduce((a, b) => a * b, 1);
    return { name, dtype: "F16", shape: dims, bytes, norm: /ln.*\.weight$|k_[ka]$/.test(name), cols: dims.at(-1) ?? 1 };
  });
  const noise = Uint16Array.from({ length: 4 << 20 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 16) & 0x83ff);
  const handle = await open(path, "wx");
  let at = (await handle.write(safetensorsHeader(tensors, {}))).bytesWritten;
  for (const { bytes, norm } of tensors) {
    // Magnitudes of 1/64 to 1/32 either sign, which leave vectors of a few thousand values about as large as they were; norms of 1.
    const block = noise.map((half) => (norm ? 0x3c00 : half | 0x2400));
    for (let done = 0; done < bytes; ) {
      const length = Math.min(bytes - done, block.byteLength);
      await handle.write(new Uint8Array(block.buffer, 0, length), 0, length, at);
      done += length;
      at += length;
    }
  }
  await handle.close();
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
