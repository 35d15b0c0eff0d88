import { median } from "./statistics.ts";

// What the bench and its children say to one another: the request as an argument, the answer as the last line of stdout.

/** A text and what every engine's tokenizer makes of it. */
export interface Prompt {
  text: string;
  tokens: number[];
}

/** What wkv's matrices are; the peers take them as the file has them. */
export type Weights = "int8" | "int4";

/** How fast is an engine on a prompt and the tokens after it? */
export interface SpeedRequest {
  model: string;
  weights: Weights;
  threads: number;
  prompt: Prompt;
  /** Tokens made one at a time after it. */
  decode: number;
  /** It is measured again until so much time has gone by. */
  seconds: number;
  /** Folder of the peers' packages. */
  peers: string;
  /** A browser's program. */
  chromium?: string | undefined;
}

/** Tokens per second, the medians of all takes. */
export interface Speed {
  prefill: number;
  decode: number;
  takes: number;
  /** What the engine says of its build, for the report. */
  build: string;
}

/** Milliseconds of one prompt and the tokens after it. */
export interface Take {
  prefill: number;
  decode: number;
}

export interface FactsRequest {
  model: string;
  /** Tokens of the prompt. */
  length: number;
}

export interface FactsAnswer {
  prompt: Prompt;
  info: { version: string; layers: number; width: number; vocabSize: number };
}

/** wkv's measurements of itself. */
export interface OwnAnswer {
  /** Of the bandwidth of memory, when decoding. */
  share: number;
  /** GB a second, the same threads only reading. */
  bandwidth: number;
  /** Bytes of the file that a token reads. */
  bytesPerToken: number;
  /** Tokens per second of one session, and of all sessions together. */
  alone: number;
  together: number;
  /** How many times as many. */
  gain: number;
}

export interface LongRequest {
  model: string;
  weights: Weights;
  threads: number;
  prompt: Prompt;
  /** Tokens that one of the two sessions has read before. */
  position: number;
}

export interface LongAnswer {
  /** Milliseconds of a token, early in a text and late in one; each pair was measured within a second. */
  pairs: { early: number; late: number }[];
  /** Bytes of the process at both positions. */
  memory: { early: number; late: number };
}

/** Tokens after the prompt in the take that does not count: it compiles everything and touches all memory. */
const WARM_UP_DECODE = 8;

/** Runs a take that does not count, then others for the time that is asked for. */
export async function measureSpeed(
  { prompt, decode, seconds }: SpeedRequest,
  build: string,
  take: (decode: number) => Promise<Take>,
): Promise<Speed> {
  await take(WARM_UP_DECODE);
  const takes: Take[] = [];
  const end = performance.now() + 1000 * seconds;
  do takes.push(await take(decode));
  while (performance.now() < end);
  return {
    prefill: (1000 * prompt.tokens.length) / median(takes.map((one) => one.prefill)),
    decode: (1000 * decode) / median(takes.map((one) => one.decode)),
    takes: takes.length,
    build,
  };
}

/** In a child: answers its request and ends, whatever the engine has left running. */
export async function answer<Request, Answer>(work: (request: Request) => Promise<Answer>): Promise<never> {
  try {
    const result = await work(JSON.parse(process.argv[2] ?? "{}"));
    await new Promise((resolve) => process.stdout.write(`\n${JSON.stringify(result)}\n`, resolve));
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
