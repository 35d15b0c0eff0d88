import { WkvError } from "../errors.ts";

/** Logits that no softmax is defined for. */
export class LogitsError extends WkvError {
  constructor(what: string) {
    super(
      "bad-file",
      `${what}: the model file is damaged, or its values overflow. Fetch it again, or use another file of the model.`,
    );
  }
}

/**
 * @throws WkvError `bad-file` for logits that no softmax is defined for: NaN, +∞, or −∞ alone
 * @example
 * checkLogits(await session.feed([1]));
 */
export function checkLogits(logits: Float32Array): void {
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (!(logit < Infinity)) throw new LogitsError(`The logit of token ${i} is ${logit}`);
    if (logit > top) top = logit;
  }
  if (top === -Infinity) throw new LogitsError("All logits are -Infinity");
}
