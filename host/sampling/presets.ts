import type { SamplerOptions } from "./options.ts";

/**
 * Settings that the authors of models and engines publish, by the place where they do. What they leave open stays at
 * the default.
 */
export const PRESETS = {
  /** BlinkDL's `rwkv` package for Python, PIPELINE_ARGS: any generation, free text. */
  pip: { temperature: 1, topP: 0.85, presencePenalty: 0.2, frequencyPenalty: 0.2, penaltyDecay: 0.996 },
  /** BlinkDL's API_DEMO_CHAT: World models of RWKV-5 and 6 in a chat. */
  chat: { temperature: 1, topP: 0.3, presencePenalty: 0.5, frequencyPenalty: 0.5, penaltyDecay: 0.996 },
  /** The same with a tuned state. */
  "tuned-state": { temperature: 1, topP: 0.2, presencePenalty: 0.3, frequencyPenalty: 0.3, penaltyDecay: 0.996 },
  /** README of RWKV-LM: RWKV-7. */
  v7: { temperature: 1, topP: 0.5, topK: 100, penaltyDecay: 0.997 },
  /** Questions to World models. */
  "world-qa": { temperature: 1, topP: 0.2, presencePenalty: 0.4, frequencyPenalty: 0.4, penaltyDecay: 0.996 },
  /** Mathematics with the reasoning models G0 and G1. */
  maths: { temperature: 0.3, topP: 0.3 },
  /** candle's presets. */
  "candle-chat": { temperature: 1, topP: 0.5, presencePenalty: 2, frequencyPenalty: 0.1, penaltyDecay: 0.99 },
  "candle-creative": { temperature: 0.6, topP: 0.7, presencePenalty: 2, frequencyPenalty: 0.2, penaltyDecay: 0.99 },
  /** Ai00's default: its penalties fade by half in 200 tokens. */
  ai00: {
    temperature: 1,
    topP: 0.5,
    topK: 128,
    presencePenalty: 0.3,
    frequencyPenalty: 0.3,
    penaltyDecay: 0.99654,
  },
} as const satisfies Record<string, SamplerOptions>;

export type Preset = keyof typeof PRESETS;
