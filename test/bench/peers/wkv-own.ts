// What wkv measures by itself, as in `wkv bench`: the share of the bandwidth, and sessions that decode together.
import { loadMeasure, loadWkv } from "./load-wkv.ts";
import { answer, type OwnAnswer, type SpeedRequest } from "./protocol.ts";
import { median } from "./statistics.ts";

const SESSIONS = 8;
/** Pairs of one session and several in turn; the medians are the answer. */
const PAIRS = 3;

await answer(async ({ model: path, weights, threads, decode }: SpeedRequest): Promise<OwnAnswer> => {
  const model = await loadWkv(path, threads, weights);
  const { benchmark } = await loadMeasure();
  const bench = (sessions: number) => benchmark(model, { prefill: 32, decode, sessions, rounds: 1 });
  await bench(1);
  await bench(SESSIONS);
  const pairs: { alone: Result; together: Result }[] = [];
  for (let i = 0; i < PAIRS; i++) pairs.push({ alone: await bench(1), together: await bench(SESSIONS) });
  return {
    share: median(pairs.map(({ alone }) => alone.share.median)),
    bandwidth: median(pairs.map(({ alone }) => alone.readBandwidth.median)),
    bytesPerToken: pairs[0]?.alone.bytesPerToken ?? 0,
    alone: median(pairs.map(({ alone }) => alone.decode.median)),
    together: median(pairs.map(({ together }) => together.decode.median)),
    gain: median(pairs.map(({ alone, together }) => together.decode.median / alone.decode.median)),
  };
});

type Result = Awaited<ReturnType<Awaited<ReturnType<typeof loadMeasure>>["benchmark"]>>;
