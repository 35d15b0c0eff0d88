import { signal } from "@preact/signals";
import { PRESETS, type Preset } from "wkv";
import type { TemplateName, ThinkMode } from "wkv/chat";

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly penaltyDecay: number;
}

export type SamplingName = keyof Sampling;

const DEFAULTS: Sampling = {
  temperature: 1,
  topP: 0.5,
  topK: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  penaltyDecay: 0.996,
};

/** What the sliders offer. */
export const RANGES: Readonly<Record<SamplingName, { min: number; max: number; step: number }>> = {
  temperature: { min: 0, max: 2, step: 0.05 },
  topP: { min: 0, max: 1, step: 0.01 },
  topK: { min: 0, max: 200, step: 1 },
  presencePenalty: { min: 0, max: 2, step: 0.05 },
  frequencyPenalty: { min: 0, max: 2, step: 0.05 },
  penaltyDecay: { min: 0.9, max: 1, step: 0.001 },
};

export const sampling = signal<Sampling>({ ...DEFAULTS, temperature: 0.8, topP: 0.9 });
export const maxTokens = signal(160);
/** Undefined: a new one each time. */
export const seed = signal<number | undefined>(undefined);

/** How messages become a text; undefined: as the model's file and name say. */
export const template = signal<TemplateName | undefined>(undefined);

export const THINK_MODES: readonly ThinkMode[] = ["off", "fake", "on", "a bit", "a lot"];
/** How much a model that thinks does so before it answers in a chat. */
export const think = signal<ThinkMode>("off");

export type FormKind = "none" | "schema" | "regex" | "choices";

export interface Form {
  readonly kind: FormKind;
  readonly text: string;
}

export const form = signal<Form>({ kind: "none", text: "" });

export function setSampling(name: SamplingName, value: number): void {
  sampling.value = { ...sampling.value, [name]: value };
}

export function usePreset(name: Preset): void {
  sampling.value = { ...DEFAULTS, ...PRESETS[name] };
}

/** The preset that the sliders show; undefined when it is none. */
export function currentPreset(): Preset | undefined {
  const names = Object.keys(PRESETS) as Preset[];
  return names.find((name) => same({ ...DEFAULTS, ...PRESETS[name] }, sampling.value));
}

function same(a: Sampling, b: Sampling): boolean {
  return (Object.keys(DEFAULTS) as SamplingName[]).every((name) => a[name] === b[name]);
}

/** What the answer must look like, as `generate` takes it. @throws SyntaxError for a schema that is not JSON */
export function constraintOf({ kind, text }: Form) {
  if (kind === "none" || text.trim() === "") return undefined;
  if (kind === "schema") return { schema: JSON.parse(text) };
  if (kind === "regex") return { regex: text.trim() };
  return { choices: text.split("\n").filter((line) => line !== "") };
}

/** Seeds that people can read out. */
export function drawSeed(): number {
  return seed.value ?? Math.floor(Math.random() * 1e6);
}
