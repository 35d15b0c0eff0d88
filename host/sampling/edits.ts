import type { Settings } from "./settings.ts";

/** Changes to the logits before the draw: bias, bans, penalties, the caller's function. */
export class Edits {
  readonly #settings: Settings;
  /** How often each token was drawn; earlier draws count less. */
  readonly #counts = new Map<number, number>();
  #logits = new Float32Array();

  constructor(settings: Settings) {
    this.#settings = settings;
    if (this.#hasPenalties) this.#count(settings.penaltyHistory);
  }

  /** @returns the logits to draw from: those given, unchanged, or an array that the next call overwrites */
  apply(logits: Float32Array): Float32Array {
    const { logitBias, bannedTokens, logitsProcessor } = this.#settings;
    if (!this.#hasPenalties && logitBias.length + bannedTokens.length === 0 && !logitsProcessor) return logits;
    if (this.#logits.length !== logits.length) this.#logits = new Float32Array(logits.length);
    this.#logits.set(logits);
    this.#penalise(this.#logits);
    for (const [id, bias] of logitBias) this.#logits[id] = (this.#logits[id] as number) + bias;
    for (const id of bannedTokens) this.#logits[id] = -Infinity;
    logitsProcessor?.(this.#logits);
    return this.#logits;
  }

  /** Records a drawn token. BlinkDL's rule: an exempt token is not counted, but has been drawn. */
  accept(token: number): void {
    if (!this.#hasPenalties) return;
    const { penaltyDecay, penaltyExempt } = this.#settings;
    for (const [id, count] of this.#counts) this.#counts.set(id, count * penaltyDecay);
    this.#counts.set(token, (this.#counts.get(token) ?? 0) + (penaltyExempt.has(token) ? 0 : 1));
  }

  /** The counts after accepting these ids one by one, in linear time: the last one counts 1, each earlier one less. */
  #count(ids: readonly number[]): void {
    const { penaltyDecay, penaltyExempt } = this.#settings;
    let weight = 1;
    for (const id of ids.toReversed()) {
      this.#counts.set(id, (this.#counts.get(id) ?? 0) + (penaltyExempt.has(id) ? 0 : weight));
      weight *= penaltyDecay;
    }
  }

  get #hasPenalties(): boolean {
    const { presencePenalty, frequencyPenalty, repetitionPenalty } = this.#settings;
    return presencePenalty !== 0 || frequencyPenalty !== 0 || repetitionPenalty !== 1;
  }

  #penalise(logits: Float32Array): void {
    const { presencePenalty, frequencyPenalty, repetitionPenalty } = this.#settings;
    for (const [id, count] of this.#counts) {
      const logit = logits[id] as number;
      const repeated = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
      logits[id] = repeated - (presencePenalty + count * frequencyPenalty);
    }
  }
}
