import type { ConstraintSource } from "../constraint/index.ts";
import { checkGenerateOptions } from "../session/checks.ts";
import type { Piece } from "../session/generate.ts";
import type { GenerateOptions, Session } from "../session/session.ts";
import { Interrupted } from "./failure.ts";
import { draftOf, type TextOptions } from "./options.ts";
import { note, print, printJson, printText } from "./output.ts";
import { unescaped } from "./parse.ts";
import { Report } from "./report.ts";
import { samplerOptions } from "./sampling.ts";

export interface StreamOptions extends TextOptions {
  constraint?: ConstraintSource | undefined;
  logprobs?: boolean | number;
  json?: boolean;
  quiet?: boolean;
}

/** Validates options before a model is loaded. @throws RangeError or TypeError */
export function checkTextOptions(options: StreamOptions): void {
  const { maxTokens, stop, logprobs } = options;
  checkGenerateOptions({ ...samplerOptions(options), maxTokens, stop, logprobs });
}

/**
 * Feeds a prompt, streams the generated text to standard output and reports the counts, also after Ctrl-C.
 * @throws Interrupted after the report; WkvError
 */
export async function streamText(
  session: Session,
  ids: readonly number[],
  options: StreamOptions,
  signal: AbortSignal,
): Promise<void> {
  const generation = generateOptions(options, signal);
  const report = new Report(generation);
  let lastText = "\n";
  try {
    await session.feed(ids, { signal });
    report.read(ids.length);
    for await (const piece of session.generate([], generation)) {
      report.made(piece);
      if (piece.text) lastText = piece.text;
      await printPiece(piece, options);
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    error.reported = true;
    report.reason = "interrupted";
    throw error;
  } finally {
    if (!options.json && !lastText.endsWith("\n")) await print("\n");
    if (report.reason) await printReport(report, options);
  }
}

/** The seed is chosen here, so that it can be reported and the text reproduced. */
function generateOptions(options: StreamOptions, signal: AbortSignal): GenerateOptions {
  const { maxTokens, logprobs, escapes, constraint, stop = [] } = options;
  const draft = draftOf(options);
  const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
  const stops = escapes ? stop.map(unescaped) : stop;
  return { ...samplerOptions(options), maxTokens, seed, logprobs, constraint, draft, stop: stops, signal };
}

function printPiece({ text, token, logprob, topLogprobs }: Piece, { json }: StreamOptions): Promise<void> {
  return json ? printJson({ text, token, logprob, topLogprobs }) : printText(text);
}

async function printReport(report: Report, { json, quiet }: StreamOptions): Promise<void> {
  if (json) await printJson(report.toJSON());
  else if (!quiet) note(report.toString());
}
