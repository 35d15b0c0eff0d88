/** What the runtimes load: the goldens' models, the model in the box, a larger one for speed. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { readGoldens } from "../golden/goldens.ts";
import { REQUESTS } from "../golden/story.ts";
import { committedFolder } from "../support/models.ts";
import { ROOT } from "./consumer.ts";

/** Of every version and reader one. */
const FILES = ["s4.bf16.safetensors", "s50.f32.pth", "s51.bf16.pth", "s52.f16.pth", "q6.pth", "q7.zip.pth"];
/** 21 MB as int8: more than the caches next to the cores. */
const LARGE = { layers: 6, width: 512, headSize: 64, vocabSize: 96 };

/** The shape of the 0.1B models, but for the vocabulary. */
const SMALLEST_PUBLISHED = { layers: 12, width: 768, headSize: 64, vocabSize: 96 };

/** The model that app/turns.js loads: 350 MB. */
export function writePublished(folder: string): void {
  writeFileSync(join(folder, "published.safetensors"), syntheticModel(SMALLEST_PUBLISHED));
}

/** What app/turns.js reports: milliseconds. */
export interface Turns {
  /** Of a prompt of four batches. */
  prefill: number;
  timers: number;
  /** How late a timer was: 99th percentile, and the worst. */
  late: number;
  latest: number;
  /** A page's tasks of more than 50 ms, in Chromium. */
  longTasks?: number[];
}

export function makeData(folder: string): void {
  mkdirSync(folder);
  const goldens = readGoldens(committedFolder).flatMap(({ models, prompt, greedy }) =>
    models
      .map((path) => ({ path, file: basename(path), tokens: [...prompt, ...greedy] }))
      .filter(({ file }) => FILES.includes(file)),
  );
  if (goldens.length !== FILES.length) throw new Error(`${goldens.length} of ${FILES.length} goldens are there`);
  for (const { path, file } of goldens) copyFileSync(path, join(folder, file));
  const box = join(ROOT, "test/models/fairy");
  copyFileSync(join(box, "fairy.safetensors"), join(folder, "fairy.safetensors"));
  copyFileSync(join(box, "vocab.txt"), join(folder, "fairy.vocab.txt"));
  writeFileSync(join(folder, "large.safetensors"), syntheticModel(LARGE));
  const cases = { goldens: goldens.map(({ file, tokens }) => ({ file, tokens })), stories: REQUESTS };
  writeFileSync(join(folder, "cases.json"), JSON.stringify(cases));
}
