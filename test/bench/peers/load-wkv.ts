import type { Weights } from "./protocol.ts";

/** The library as it is published. */
export async function loadWkv(model: string, threads: number, weights: Weights) {
  const { loadModel }: typeof import("../../../host/index.ts") = await fromBuild("index.js");
  return loadModel(model, { threads, weights });
}

export async function loadSampler() {
  const { createSampler }: typeof import("../../../host/sampling/index.ts") = await fromBuild("sampler.js");
  return createSampler({ temperature: 0 });
}

export function loadMeasure(): Promise<typeof import("../../../host/measure/index.ts")> {
  return fromBuild("measure.js");
}

function fromBuild(name: string) {
  return import(new URL(`../../../build/${name}`, import.meta.url).href);
}
