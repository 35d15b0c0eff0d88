import type { Model } from "../model/model.ts";
import { logProbabilities, type TokenLogprob } from "../sampling/index.ts";
import type { Piece } from "../session/generate.ts";
import type { Session } from "../session/session.ts";
import type { PromptRead } from "./chat-answer.ts";
import type { CompletionTask } from "./completion-request.ts";
import { HttpError } from "./errors.ts";
import { merge } from "./merge.ts";
import type { StoredState } from "./states.ts";

/** A token of an echoed prompt; the first one has no probability. */
export interface EchoToken {
  readonly token: number;
  readonly logprob?: number;
  readonly topLogprobs?: readonly TokenLogprob[];
}

export type CompletionEvent =
  | { readonly kind: "read"; readonly read: PromptRead }
  | { readonly kind: "echo"; readonly index: number; readonly tokens: readonly EchoToken[] }
  | { readonly kind: "piece"; readonly index: number; readonly piece: Piece }
  /** No token was requested. */
  | { readonly kind: "nothing"; readonly index: number };

export interface PreparedCompletion {
  readonly task: CompletionTask;
  answer(signal: AbortSignal): AsyncGenerator<CompletionEvent, void, void>;
  /** The first text's final state. */
  save(): Promise<Uint8Array>;
  dispose(): void;
}

/** @throws WkvError or HttpError about the state */
export function prepareCompletion(model: Model, task: CompletionTask, saved?: StoredState): PreparedCompletion {
  if (saved?.kind === "chat")
    throw new HttpError(400, "The state is a conversation's: use /v1/chat/completions.", { param: "state" });
  const sessions: Session[] = [];
  const open = () => sessions[sessions.push(model.createSession(saved?.bytes)) - 1]!;
  const firsts = task.prompts.map(open);
  return {
    task,
    answer: (signal) => merge(firsts.map((first, i) => texts(task, sessions, first, i, signal))),
    save: () => firsts[0]!.save(),
    dispose: () => {
      for (const session of sessions) session.dispose();
    },
  };
}

/** The texts after one prompt. @param sessions receives the forks, to be disposed of with the others */
async function* texts(
  task: CompletionTask,
  sessions: Session[],
  first: Session,
  nth: number,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, void> {
  const prompt = task.prompts[nth]!;
  const indexes = Array.from({ length: task.n }, (_, i) => nth * task.n + i);
  const started = performance.now();
  const tokens = await readPrompt(task, first, prompt, signal);
  const seconds = (performance.now() - started) / 1000;
  yield { kind: "read", read: { tokens: prompt.length, cached: first.cachedTokens, seconds } };
  if (tokens) for (const index of indexes) yield { kind: "echo", index, tokens };
  if (task.maxTokens === 0) {
    for (const index of indexes) yield { kind: "nothing", index };
    return;
  }
  const forks = indexes.slice(1).map(() => first.fork());
  sessions.push(...forks);
  yield* merge([first, ...forks].map((session, i) => pieces(task, session, indexes[i]!, signal)));
}

/** @returns the prompt's tokens if they are to be echoed */
async function readPrompt(
  { echo, logprobs }: CompletionTask,
  session: Session,
  prompt: readonly number[],
  signal: AbortSignal,
): Promise<EchoToken[] | undefined> {
  if (!echo || logprobs === undefined) {
    await session.feed(prompt, { signal });
    return echo ? prompt.map((token) => ({ token })) : undefined;
  }
  const scored: EchoToken[] = prompt.slice(0, 1).map((token) => ({ token }));
  for await (const logits of session.feedEach(prompt, { signal })) {
    const token = prompt[scored.length];
    if (token !== undefined) scored.push(logProbabilities(logits, token, logprobs));
  }
  return scored;
}

async function* pieces(
  { options, maxTokens }: CompletionTask,
  session: Session,
  index: number,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, void> {
  const seed = options.seed === undefined ? undefined : options.seed + index;
  for await (const piece of session.generate([], { ...options, maxTokens, seed, signal }))
    yield { kind: "piece", index, piece };
}
