/** What the bundled model is asked, for the test of its goldens and for the tool that writes them. */
import { fileURLToPath } from "node:url";
import { loadModel, type Model } from "wkv";
import { perplexity, zeroShare } from "wkv/measure";
import { readGolden } from "../support/checkpoint-checks.ts";
import { safetensors } from "../support/make-checkpoints.ts";

export const WEIGHTS = ["int8", "f32"] as const;
export type Weights = (typeof WEIGHTS)[number];

/** A story to be told; its text depends on nothing but these and the weights. */
export interface Request {
  readonly prompt: string;
  readonly seed: number;
}

export interface StoryGoldens {
  readonly stories: readonly (Request & { readonly text: Record<Weights, string> })[];
  /** Of the passage below. */
  readonly bitsPerByte: Record<Weights, number>;
  /** Of each layer, after the beginning of the passage. */
  readonly zeroShares: Record<Weights, number[]>;
}

export const GOLDENS = new URL("data/story.json", import.meta.url);

export const REQUESTS: readonly Request[] = [
  { prompt: "Once upon a time", seed: 1 },
  { prompt: "THE WOLF AND THE QUEEN\n\n", seed: 2 },
  { prompt: "'Who are you?' asked the king.", seed: 3 },
];

/** In the manner of the books that the model has read, but in none of them. */
const PASSAGE = `In a far country, where the snow lay until June, there lived a miller who had three sons and no daughter. \
The two eldest were tall and proud, but the youngest was so small that everyone called him Hazelnut.

One evening, when the wheel had stopped and the fire was low, an old woman knocked at the door and begged for a crust of \
bread. 'Be off with you,' cried the eldest, 'we have hardly enough for ourselves!' But Hazelnut gave her his own supper, \
and led her to the warm place by the hearth.

'You have a kind heart,' said the old woman, who was really a fairy, 'and you shall not be the poorer for it. Take this \
ring; turn it three times upon your finger, and whatever lies hidden will be shown to you.' With these words she vanished, \
and nothing was left of her but a smell of wild thyme.

The next morning the king's herald rode through the village, and proclaimed that the princess had been carried off by a \
giant, and that whoever brought her back should have her hand in marriage and half of the kingdom.
`;

const BUNDLED = fileURLToPath(new URL("../models/fairy/fairy.safetensors", import.meta.url));

export function loadBundled(weights: Weights, threads = 2): Promise<Model> {
  return loadModel(BUNDLED, { weights, threads });
}

export async function tell(model: Model, { prompt, seed }: Request): Promise<string> {
  using session = model.createSession();
  let text = "";
  for await (const piece of session.generate(prompt, { seed, temperature: 0.8, topP: 0.9, maxTokens: 80 }))
    text += piece.text;
  return text;
}

export async function passageBits(model: Model): Promise<number> {
  return (await perplexity(model, PASSAGE)).bitsPerByte;
}

/** Of every layer: a model can tell its last layer's, so models are made that end after one, two, three layers. */
export async function passageZeroShares({ tokenizer, info }: Model): Promise<number[]> {
  const tokens = tokenizer.encode(PASSAGE).slice(0, 128);
  const tensors = [...(await readGolden(BUNDLED)).values()];
  const shares: number[] = [];
  for (let layers = 1; layers <= info.layers; layers++) {
    const kept = tensors.filter(({ name }) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0) < layers);
    await using model = await loadModel(safetensors(kept), { weights: info.weights, threads: 2, vocab: null });
    shares.push(await zeroShare(model, tokens));
  }
  return shares;
}
