// What is measured of a server.
import { setTimeout as pause } from "node:timers/promises";
import { randomTokens } from "../../support/models.ts";
import { type Answered, complete } from "./requests.ts";

export interface Target {
  readonly base: string;
  /** Ids that prompts are drawn from. */
  readonly vocabSize: number;
}

let seed = 1;

/** A prompt that no other request has; id 0 would end it. */
function prompt({ vocabSize }: Target, length: number): number[] {
  return randomTokens(length, vocabSize - 1, seed++).map((id) => id + 1);
}

export interface Crowd {
  readonly clients: number;
  /** Seconds to the first token. */
  readonly median: number;
  readonly slowest: number;
  /** Tokens made a second, from the first request to the last token. */
  readonly rate: number;
}

/** All clients ask at once. */
export async function crowd(target: Target, clients: number, read: number, made: number): Promise<Crowd> {
  const start = performance.now();
  const ask = () => complete(target.base, { prompt: prompt(target, read), max_tokens: made });
  const answers = await Promise.all(Array.from({ length: clients }, ask));
  const seconds = (performance.now() - start) / 1000;
  const firsts = answers.map(({ first }: Answered) => first / 1000).sort((a, b) => a - b);
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  return { clients, median: firsts[clients >> 1]!, slowest: firsts.at(-1)!, rate: tokens / seconds };
}

/** Streams that run until `stop`, and how many tokens they have made. */
async function startStreams(target: Target, count: number) {
  const controller = new AbortController();
  let pieces = 0;
  const options = { onText: () => void pieces++, signal: controller.signal };
  const running = Array.from({ length: count }, () =>
    complete(target.base, { prompt: prompt(target, 16), max_tokens: 50_000 }, options).catch((error) => {
      if (!controller.signal.aborted) throw error;
    }),
  );
  while (pieces < 10 * count) await pause(10);
  return {
    /** Tokens per second while something is done. */
    async rateOver(work: () => Promise<unknown>): Promise<number> {
      const [from, start] = [pieces, performance.now()];
      await work();
      return ((pieces - from) / (performance.now() - start)) * 1000;
    },
    async stop(): Promise<void> {
      controller.abort();
      await Promise.all(running);
    },
  };
}

/** Tokens per second of all streams. */
export async function streaming(target: Target, count: number, seconds: number): Promise<number> {
  const streams = await startStreams(target, count);
  const rate = await streams.rateOver(() => pause(1000 * seconds));
  await streams.stop();
  return rate;
}

export interface Interrupted {
  /** Tokens per second of all streams, before the prompt and while it is read. */
  readonly before: number;
  readonly during: number;
  /** Seconds until the prompt has been read, beside the streams and alone. */
  readonly beside: number;
  readonly alone: number;
}

/**
 * A long prompt comes while streams run.
 * @param rounds in which both speeds are taken in turn: what else runs on the machine comes and goes
 */
export async function longPrompt(target: Target, count: number, length: number, rounds: number): Promise<Interrupted> {
  const read = async () => (await complete(target.base, { prompt: prompt(target, length), max_tokens: 1 })).end / 1000;
  const alone = await read();
  const streams = await startStreams(target, count);
  const sums = { before: 0, during: 0, beside: 0 };
  for (let round = 0; round < rounds; round++) {
    sums.before += await streams.rateOver(() => pause(3000));
    sums.during += await streams.rateOver(async () => {
      sums.beside += await read();
    });
  }
  await streams.stop();
  return { before: sums.before / rounds, during: sums.during / rounds, beside: sums.beside / rounds, alone };
}

export interface Restored {
  /** Seconds from the request to the first token. */
  readonly read: number;
  readonly restored: number;
}

/** A conversation is read, kept under a name and continued. */
export async function restore(target: Target, length: number): Promise<Restored> {
  const read = await complete(target.base, { prompt: prompt(target, length), max_tokens: 1, state: { to: "long" } });
  const restored = await complete(target.base, { prompt: prompt(target, 8), max_tokens: 1, state: { from: "long" } });
  return { read: read.first / 1000, restored: restored.first / 1000 };
}
