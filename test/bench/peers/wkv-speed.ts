// wkv through its public functions: `feed` and the sampler.
import { loadSampler, loadWkv } from "./load-wkv.ts";
import { answer, measureSpeed, type Speed, type SpeedRequest } from "./protocol.ts";

await answer(async (request: SpeedRequest): Promise<Speed> => {
  const model = await loadWkv(request.model, request.threads, request.weights);
  const sample = await loadSampler();
  const session = model.createSession();
  return measureSpeed(request, `${model.info.simd} SIMD`, async (decode) => {
    session.reset();
    const into = new Float32Array(model.info.vocabSize);
    const start = performance.now();
    let token = sample(await session.feed(request.prompt.tokens));
    const middle = performance.now();
    for (let i = 0; i < decode; i++) token = sample(await session.feed(token, { into }));
    return { prefill: middle - start, decode: performance.now() - middle };
  });
});
