import { type LoadOptions, loadModel, type ModelSource } from "wkv";
import { createSampler } from "wkv/sampler";

/** What everybody does with a model first: load it, read three tokens, sample, save and continue. */
export async function useModel(source: ModelSource, options: LoadOptions = {}): Promise<void> {
  const model = await loadModel(source, { threads: 1, vocab: null, ...options });
  try {
    const session = model.createSession();
    const logits = await session.feed([1, 2, 0].map((id) => Math.min(id, model.info.vocabSize - 1)));
    if (logits.every(Number.isFinite)) createSampler({ seed: 1, topP: 0.5, topK: 10 })(logits);
    model.createSession(await session.save()).dispose();
  } finally {
    await model.dispose();
  }
}
