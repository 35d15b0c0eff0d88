// A replica with its queue, in simulated time: those who are answered share its speed, the others wait in their order.
import { random } from "../../support/random.ts";

export interface Load {
  readonly users: number;
  /** Mean seconds between an answer and the next question. */
  readonly think: number;
  /** Tokens that are new in a question, and those of an answer. */
  readonly prompt: number;
  readonly answer: number;
  /** Texts at the same time. */
  readonly parallel: number;
}

export interface Speeds {
  /** Streams, and the tokens per second that they make together; ascending. */
  readonly making: readonly (readonly [streams: number, rate: number])[];
  /** Tokens of prompts per second. */
  readonly reading: number;
}

export interface Outcome {
  /** Share of the time in which anything is computed. */
  readonly busy: number;
  /** Seconds from a question to the first token of its answer: median, and what 95 % stay below. */
  readonly median: number;
  readonly late: number;
  /** Tokens per second of one answer. */
  readonly rate: number;
}

interface Text {
  readonly asked: number;
  /** Tokens of the prompt and of the answer that are left. */
  read: number;
  make: number;
  first: number;
}

const QUESTIONS = 4000;

export function simulate({ users, think, prompt, answer, parallel }: Load, speeds: Speeds): Outcome {
  const next = random(users);
  const pause = () => -think * Math.log((next(1 << 24) + 1) / (1 << 24));
  const thinking = Array.from({ length: users }, pause).sort((a, b) => a - b);
  const waiting: Text[] = [];
  let running: Text[] = [];
  const [firsts, rates]: [number[], number[]] = [[], []];
  let [now, busy] = [0, 0];
  while (firsts.length < QUESTIONS) {
    const share = 1 / Math.max(1, running.length);
    const [reading, making] = [share * speeds.reading, share * rateOf(speeds, running.length)];
    const left = running.map(({ read, make }) => (read > 0 ? read / reading : make / making));
    const elapsed = Math.min(...left, (thinking[0] ?? Infinity) - now);
    if (running.length > 0) busy += elapsed;
    now += elapsed;
    for (const text of running) advance(text, { read: elapsed * reading, make: elapsed * making }, now);
    for (const { asked, first } of running.filter(({ make }) => make <= 0)) {
      firsts.push(first - asked);
      rates.push(answer / (now - first));
      insert(thinking, now + pause());
    }
    running = running.filter(({ make }) => make > 0);
    if (thinking[0]! <= now) waiting.push({ asked: thinking.shift()!, read: prompt, make: answer, first: 0 });
    while (running.length < parallel && waiting.length > 0) running.push(waiting.shift()!);
  }
  firsts.sort((a, b) => a - b);
  const at = (share: number) => firsts[Math.floor(share * firsts.length)]!;
  const rate = rates.reduce((sum, each) => sum + each, 0) / rates.length;
  return { busy: busy / now, median: at(0.5), late: at(0.95), rate };
}

/** Between two measured numbers of streams the speed lies on a line. */
function rateOf({ making }: Speeds, streams: number): number {
  const after = making.findIndex(([count]) => count >= streams);
  if (after === 0) return making[0]![1];
  if (after < 0) return making.at(-1)![1];
  const [[low, slow], [high, fast]] = [making[after - 1]!, making[after]!];
  return slow + ((fast - slow) * (streams - low)) / (high - low);
}

/** A prompt is read before anything is made. */
function advance(text: Text, tokens: Pick<Text, "read" | "make">, now: number): void {
  const isReading = text.read > 0;
  if (isReading) text.read -= tokens.read + 1e-9;
  else text.make -= tokens.make + 1e-9;
  if (isReading && text.read <= 0) text.first = now;
}

function insert(times: number[], time: number): void {
  const at = times.findIndex((each) => each > time);
  times.splice(at < 0 ? times.length : at, 0, time);
}
