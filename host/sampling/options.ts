/** Ids that can be gone through more than once. */
export type TokenIds = readonly number[] | ReadonlySet<number> | Uint32Array;

/** docs/sampling.md tells the order in which they act. */
export interface SamplerOptions {
  /** Settings by name, see PRESETS; the other options go before it. */
  preset?: Preset | undefined;
  /** 0: always the most likely token. Above 1 more surprising, below 1 less. Default 1. */
  temperature?: number | undefined;
  /** Keeps the most likely tokens that together have this probability. Default 0.5; 1 keeps all. */
  topP?: number | undefined;
  /** Keeps at most so many tokens. Default 0: no limit. */
  topK?: number | undefined;
  /** Keeps tokens of at least this share of the highest probability. Default 0: all. */
  minP?: number | undefined;
  /** Keeps tokens of at least this share of the highest probability's square. Default 0: all. */
  topA?: number | undefined;
  /** Keeps the tokens about as surprising as the distribution is on average, until they have this probability. Default 1: all. */
  typical?: number | undefined;
  /** Turns mirostat 2 on, in place of the six options above but temperature: the surprise to aim at, in bits a token. */
  mirostatTau?: number | undefined;
  /** How fast mirostat corrects itself. Default 0.1. */
  mirostatEta?: number | undefined;
  /** Taken from the logit of every token that was drawn before. Default 0. */
  presencePenalty?: number | undefined;
  /** Taken from it as often as the token was drawn. Default 0. */
  frequencyPenalty?: number | undefined;
  /** Divides the logit of every token drawn before if that is positive, else multiplies it. Default 1. */
  repetitionPenalty?: number | undefined;
  /** What the counts for `frequencyPenalty` are multiplied with after each token. Default 0.996. */
  penaltyDecay?: number | undefined;
  /** Ids that `frequencyPenalty` does not count. Default: none; for a session, BlinkDL's choice: digits, space, tab. */
  penaltyExempt?: TokenIds | undefined;
  /** Ids that count as drawn before, in this order: a chat's earlier answers. Default: none. */
  penaltyHistory?: TokenIds | undefined;
  /** Added to the logits of these ids. */
  logitBias?: Readonly<Record<number, number>> | undefined;
  /** Ids that are never drawn. */
  bannedTokens?: TokenIds | undefined;
  /** Changes the logits as it likes, after penalties, bias and bans. The array is the sampler's own. */
  logitsProcessor?: ((logits: Float32Array) => void) | undefined;
  /** The same seed gives the same tokens on every machine. Default: a random one. */
  seed?: number | undefined;
}

/**
 * Settings that the authors of models and engines publish, by the place where they do. What they leave open stays at
 * the default.
 * @example
 * const sample = createSampler({ ...PRESETS.chat, seed: 1 });
 * console.log(sample(await session.feed([1, 2])));
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
