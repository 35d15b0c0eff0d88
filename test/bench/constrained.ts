/**
 * How fast text comes under a constraint, beside free text: `npm run bench:constrained -- [MODEL] [THREADS]`. Pairs in turn; by default
 * random weights of RWKV-7's 0.1B shape. Prints and asserts nothing.
 */
import { cpus } from "node:os";
import type { ConstraintSource, Model } from "wkv";
import { benchModel, median } from "./model.ts";

const ROUNDS = 7;
const SOURCES: Record<string, ConstraintSource> = {
  choices: {
    choices: ["The first of the answers is right", "The second of them is right", "None is right, and none could be"],
  },
  "JSON schema": {
    schema: {
      type: "object",
      properties: {
        category: { enum: ["billing question", "technical problem", "praise and thanks", "something else"] },
        urgent: { type: "boolean" },
        language: { enum: ["English", "German", "Japanese"] },
        rating: { type: "integer", minimum: 1, maximum: 10 },
        followUp: { enum: ["call the customer back", "write an answer", "nothing"] },
      },
      required: ["category", "urgent", "language", "rating", "followUp"],
      additionalProperties: false,
    },
  },
};

const [file, threads = "1"] = process.argv.slice(2);
const model = await benchModel(file || undefined, { threads: Number(threads) });
console.log(`${cpus()[0]?.model}, ${model.info.threads} thread(s), ${process.version}, ${model.info.weights}`);
const prompt = model.tokenizer.encode("What does the customer want?\n");
for (const [name, constraint] of Object.entries(SOURCES)) {
  await speed(model, constraint); // the masks, and the compiler
  const pairs = [];
  for (let round = 0; round < ROUNDS; round++)
    pairs.push([await speed(model, constraint), await speed(model)] as const);
  const [bound, free] = [median(pairs.map(([a]) => a)), median(pairs.map(([, b]) => b))];
  const ratio = median(pairs.map(([a, b]) => a / b));
  console.log(
    `${name.padEnd(12)} ${bound.toFixed(1)} tokens/s, free text ${free.toFixed(1)}: ${ratio.toFixed(2)} times`,
  );
}
await model.dispose();

/** Tokens a second of one text, or of 40 tokens of free text. */
async function speed(model: Model, constraint?: ConstraintSource): Promise<number> {
  using session = model.createSession();
  const options = { maxTokens: constraint ? 80 : 40, temperature: 1, seed: 3, ...(constraint && { constraint }) };
  let rate = 0;
  for await (const { usage } of session.generate(prompt, options)) {
    if (usage) rate = usage.completionTokensPerSecond;
  }
  return rate;
}
