import { WEIGHT_FORMAT_NAMES, type WeightFormat } from "../checkpoint/weight-formats.ts";
import { fits, layOut } from "../engine/plan.ts";
import { recogniseModel } from "../models/recognise.ts";
import { PUBLISHED, type PublishedShape, withoutValues } from "./published.ts";

/** Memory of a published model, in bytes. */
export interface PublishedMemory {
  readonly name: string;
  readonly layers: number;
  readonly width: number;
  /** Values of all tensors. */
  readonly parameters: number;
  /** One session. */
  readonly session: number;
  /** What is saved with the embedding outside memory. */
  readonly embedding: number;
  /** As int4 with the embedding outside, on all threads and in an isolate of workerd, which has smaller batches. */
  readonly smallest: { readonly threads: number; readonly isolate: number };
  readonly weights: Readonly<Record<WeightFormat, { weights: number; total: number; fits: boolean }>>;
}

/** The memory of every published shape, from the same plan as loading; no file is needed. */
export function publishedMemory(threads: number): PublishedMemory[] {
  return PUBLISHED.map((shape) => memoryOf(shape, threads));
}

function memoryOf(shape: PublishedShape, threads: number): PublishedMemory {
  const checkpoint = withoutValues(shape);
  const recipe = recogniseModel(checkpoint, shape.name);
  const plans = WEIGHT_FORMAT_NAMES.map((weights) => layOut(recipe, { threads, weights, groupNormEps: 64e-5 }));
  const memory = plans.map((plan) => [
    plan.weights,
    { weights: plan.weightBytes, total: plan.pages * 65536, fits: fits(plan) },
  ]);
  const outside = { weights: "int4", groupNormEps: 64e-5, embedding: "source" } as const;
  const [small, isolate] = [
    layOut(recipe, { ...outside, threads }),
    layOut(recipe, { ...outside, threads: 1, small: true }),
  ];
  const inside = plans.find(({ weights }) => weights === "int4");
  const { name, layers, width } = shape;
  const sizes = [...checkpoint.tensors.values()].map((tensor) => tensor.shape.reduce((a, b) => a * b, 1));
  return {
    name,
    layers,
    width,
    parameters: sizes.reduce((a, b) => a + b, 0),
    session: plans[0]?.stateBytes ?? 0,
    embedding: (inside?.weightBytes ?? 0) - small.weightBytes,
    smallest: { threads: small.pages * 65536, isolate: isolate.pages * 65536 },
    weights: Object.fromEntries(memory),
  };
}
