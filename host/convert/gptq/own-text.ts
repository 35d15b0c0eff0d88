import { type LoadOptions, loadModel } from "../../model/load.ts";
import type { Model } from "../../model/model.ts";
import { createSampler } from "../../sampling/index.ts";
import type { ModelSource } from "../../source/open.ts";
import type { LoadControl } from "../../source/progress.ts";

/** Texts that are written at the same time, and the tokens of each. */
const TEXTS = 32;
const TOKENS = 192;
/** The end of text, where the vocabulary has one. */
const START = 0;

export interface OwnTextOptions extends Pick<LoadOptions, "lora" | "cacheDir" | "hub" | "groupNormEps"> {
  readonly threads: number;
}

/** Text that a model writes itself, the same at every call: of its vocabulary, its languages and its subjects. */
export async function ownText(source: ModelSource, options: OwnTextOptions, control: LoadControl): Promise<number[]> {
  const model = await loadModel(source, { ...options, signal: control.signal, weights: "int8", vocab: null });
  let loaded = 0;
  const onToken = () => control.onProgress?.({ loaded: ++loaded, total: TEXTS * TOKENS });
  try {
    const texts = Array.from({ length: TEXTS }, (_, seed) => write(model, seed, onToken, control.signal));
    return (await Promise.all(texts)).flat();
  } finally {
    await model.dispose();
  }
}

async function write(model: Model, seed: number, onToken: () => void, signal?: AbortSignal): Promise<number[]> {
  const pick = createSampler({ temperature: 1, topP: 0.95, seed });
  const session = model.createSession();
  const tokens = [START];
  while (tokens.length < TOKENS) {
    tokens.push(pick(await session.feed(tokens.at(-1) as number, { signal })));
    onToken();
  }
  session.dispose();
  return tokens;
}
