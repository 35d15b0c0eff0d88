// A model in the engine's memory, packed as its file shall hold it.
import { platform } from "#platform";
import type { WeightFormat } from "../checkpoint/weight-formats.ts";
import { Engine } from "../engine/engine.ts";
import { makePlan, type Plan } from "../engine/plan.ts";
import { loadWeights } from "../loading/loader.ts";
import { type OpenModel, planOptions } from "../model/open.ts";
import type { LoadControl, Progress } from "../source/progress.ts";
import { roundOnText } from "./gptq/gptq.ts";

export interface PackingOptions {
  readonly weights: WeightFormat;
  readonly threads: number;
  readonly groupNormEps?: number | undefined;
  /** A text on which int4 shall change as little as can be. */
  readonly tokens?: readonly number[] | undefined;
}

export interface PackedModel {
  readonly engine: Engine;
  readonly plan: Plan;
}

/** Loads a model as usual, and rounds what is int4 again where there is a text. The caller disposes of the engine. */
export async function packModel(model: OpenModel, options: PackingOptions, control: LoadControl): Promise<PackedModel> {
  const { recipe, file } = model;
  const plan = makePlan(recipe, planOptions(model, options), file.name);
  const engine = await Engine.start(plan, platform, Engine.prepare(platform, { simd: "plain" }, options.threads));
  const [load, round] = options.tokens ? shares(control, [1, 9]) : [control, control];
  try {
    await loadWeights(recipe, plan, engine, load as LoadControl);
    if (options.tokens) await roundOnText(recipe, plan, engine, options.tokens, round as LoadControl);
    return { engine, plan };
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

/** Parts of a job as one progress, from 0 to 1. */
export function shares({ onProgress, signal }: LoadControl, weights: readonly number[]): LoadControl[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let done = 0;
  return weights.map((weight) => {
    const before = done;
    done += weight;
    const show = (progress: Progress) =>
      onProgress?.({ loaded: (before + (weight * progress.loaded) / progress.total) / total, total: 1 });
    return { signal, onProgress: show };
  });
}
