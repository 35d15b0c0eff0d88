import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { goldenFolder } from "../support/missing.ts";
import { committed, committedFolder } from "../support/models.ts";

/** Logits and states that a model must give, computed in float64 from the stored weights. */
export interface Golden {
  readonly name: string;
  /** Paths of the files that hold this model, in one container or another. */
  readonly models: readonly string[];
  /** "4", "5.0", "5.1", "5.2", "6" or "7" */
  readonly version: string;
  readonly vocabSize: number;
  readonly prompt: readonly number[];
  /** What the model says to the prompt, always taking the likeliest token. */
  readonly greedy: readonly number[];
  /** Smallest distance of the likeliest token's logit from the second's along `greedy`. */
  readonly greedyMargin: number;
  /** Logits after each token of prompt and greedy. */
  readonly logits: readonly Float32Array[];
  /** Undefined in goldens of quantised files. */
  readonly statePrompt: Float32Array | undefined;
  readonly stateFinal: Float32Array | undefined;
}

/** The folders of golden data that only some machines have. */
export const sharedFolders = ["synth", "synth/quirks", "tiny", "reverse"].map((name) => join(goldenFolder, name));

/** All goldens of a folder; none when there is no such folder. */
export function readGoldens(folder: string): Golden[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".golden.json"));
  return names.map((name) => readGolden(folder, name.replace(/\.json$/, "")));
}

/** The golden of a model that comes with the project. */
export function goldenOf(file: string): Golden {
  const golden = readGoldens(committedFolder).find(({ models }) => models.includes(committed(file)));
  if (!golden) throw new Error(`no golden of ${file}`);
  return golden;
}

function readGolden(folder: string, name: string): Golden {
  const about = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  // A copy: a Buffer may be a part of a larger one.
  const values = new Float32Array(new Uint8Array(readFileSync(join(folder, `${name}.f32`))).buffer);
  const section = (key: string) => about.sections[key] && values.subarray(...(about.sections[key] as [number, number]));
  const models: string[] = about.models ?? [about.model];
  return {
    name,
    models: models.map((file) => join(folder, file)).filter(existsSync),
    version: about.arch,
    vocabSize: about.n_vocab,
    prompt: about.prompt,
    greedy: about.greedy,
    greedyMargin: about.greedy_min_margin,
    logits: rows(section("logits"), about.n_vocab),
    statePrompt: section("state_prompt"),
    stateFinal: section("state_final"),
  };
}

function rows(values: Float32Array, length: number): Float32Array[] {
  return Array.from({ length: values.length / length }, (_, i) => values.subarray(i * length, (i + 1) * length));
}
