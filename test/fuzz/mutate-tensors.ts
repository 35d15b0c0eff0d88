import type { Sample } from "../support/make-checkpoints.ts";
import { type Choices, ODD_STRINGS } from "./choices.ts";

/** Layer numbers that are none, or none that the model has. */
const ODD_LAYERS = ["1", "2", "5", "100000", "999999999", "-1", "00", "1e3", "18446744073709551616", "٣"];
/** Names of other versions, of other kinds of file and of parts that no model needs. */
const FOREIGN = [
  ...["att.time_state", "att.time_decay", "att.time_mix_k", "att.time_maa_x", "att.x_r", "att.gate.weight", "att.v0"],
  ...["ffn.x_r", "ffn.s_emb.weight", "att.time_faaaa", "qkv.weight"],
].map((name) => `blocks.0.${name}`);
/** F16 and BF16: infinities, NaN, the largest number, -0, the smallest number. */
const ODD_HALVES = [0x7c00, 0xfc00, 0x7e00, 0x7bff, 0x8000, 1, 0x7f80, 0xff80, 0x7fc0];
const ODD_FLOATS = [Number.NaN, Infinity, -Infinity, -0, 1e-45, 3.4e38, -3.4e38, 0];
const MOST_BYTES = 8e6;

/** A model with one to three changes that a writer of files could make: names, shapes, dtypes, values, what is there. */
export function mutateTensors(model: readonly Sample[], choose: Choices): Sample[] {
  const samples = model.map((sample) => ({ ...sample, shape: [...sample.shape] }));
  choose.times(3, () => {
    if (samples.length > 0) choose.pick(CHANGES)(samples, choose.int(samples.length), choose);
  });
  return samples;
}

type Change = (samples: Sample[], at: number, choose: Choices) => unknown;

const CHANGES: readonly Change[] = [
  (samples, at) => samples.splice(at, 1),
  (samples, at, choose) => samples.splice(at, samples.length, ...samples.slice(at + choose.int(9))),
  (samples, at, choose) => swapNames(samples[at] as Sample, choose.pick(samples)),
  (samples, at, choose) => rename(samples[at] as Sample, (name) => name.replace(/\d+/, choose.pick(ODD_LAYERS))),
  (samples, at, choose) => rename(samples[at] as Sample, () => choose.pick(ODD_STRINGS)),
  (samples, at) => (samples[at] as Sample).shape.reverse(),
  (samples, at, choose) => reshape(samples[at] as Sample, choose),
  (samples, at, choose) => resize(samples[at] as Sample, choose),
  (samples, at, choose) => retype(samples[at] as Sample, choose),
  (samples, at, choose) => oddValues(samples[at] as Sample, choose),
  (samples, at, choose) => samples.push({ ...(samples[at] as Sample), name: choose.pick(FOREIGN) }),
  (samples, at) => samples.push({ ...(samples[at] as Sample) }),
];

function swapNames(one: Sample, other: Sample): void {
  [one.name, other.name] = [other.name, one.name];
}

function rename(sample: Sample, change: (name: string) => string): void {
  sample.name = change(sample.name);
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function reshape(sample: Sample, choose: Choices): void {
  const { shape } = sample;
  sample.shape = choose.pick([
    [1, ...shape],
    [...shape, 1],
    [count(shape)],
    [],
    [count(shape), 1],
    [1, 1, 1, 1, ...shape],
  ]);
}

/** With as many bytes as the new shape needs. */
function resize(sample: Sample, choose: Choices): void {
  const axis = choose.int(sample.shape.length);
  const old = sample.shape[axis] ?? 1;
  const bytesEach = sample.bytes.length / Math.max(1, count(sample.shape));
  const shape = [...sample.shape];
  if (shape.length === 0) return;
  shape[axis] = choose.pick([0, 1, 2, 31, 33, old - 1, old + 1, 2 * old, old >> 1, 1000]);
  const size = Math.floor(count(shape) * bytesEach);
  if (!(size >= 0 && size < MOST_BYTES)) return;
  const bytes = new Uint8Array(size);
  bytes.set(sample.bytes.subarray(0, size));
  Object.assign(sample, { shape, bytes });
}

function retype(sample: Sample, choose: Choices): void {
  const dtype = choose.pick(["F32", "F16", "BF16"] as const);
  const width = (type: string) => (type === "F32" ? 4 : 2);
  const last = sample.shape.length - 1;
  if (last >= 0) sample.shape[last] = Math.floor(((sample.shape[last] as number) * width(sample.dtype)) / width(dtype));
  sample.dtype = dtype;
}

function oddValues(sample: Sample, choose: Choices): void {
  const bytes = Uint8Array.from(sample.bytes);
  const isWide = sample.dtype === "F32";
  const values = isWide
    ? new Float32Array(bytes.buffer, 0, bytes.length >> 2)
    : new Uint16Array(bytes.buffer, 0, bytes.length >> 1);
  const value = choose.pick(isWide ? ODD_FLOATS : ODD_HALVES);
  if (choose.chance(0.5)) values.fill(value);
  else values[choose.int(values.length)] = value;
  sample.bytes = bytes;
}
