// Making text: what is read before, the tokens as they come, and the state after them.
import { signal } from "@preact/signals";
import type { Constraint, Session, StopReason } from "wkv";
import { type AnswerGuide, type ChatMessage, chooseTemplate, encodePrompt, guideAnswer } from "wkv/chat";
import { BOX } from "./bundled.ts";
import { messageOf, type Opened, opened } from "./model.ts";
import { showEnd } from "./selection.ts";
import { isServed } from "./served.ts";
import {
  constraintOf,
  drawSeed,
  type Form,
  form,
  maxTokens,
  type Sampling,
  sampling,
  setSampling,
  template,
  think,
} from "./settings.ts";
import { toolChoice, toolList } from "./tools.ts";
import {
  addNode,
  current,
  dropMarks,
  goTo,
  keepMark,
  type Node,
  pathTo,
  removeNode,
  restore,
  type Saved,
  saved,
  type Token,
  touch,
} from "./tree.ts";

export type Mode = "server" | "write" | "chat" | "compare" | "speed";

export const mode = signal<Mode>(isServed ? "server" : "write");

/** The modes that have a text. */
export type TextMode = "write" | "chat";

/** Of the text that is shown, or was shown last. */
export const textMode = signal<TextMode>("write");

/** Each model has a text to write and one to chat, with their branches: switching changes none. */
const texts = new Map<string, Saved>();
let shown = "";

function showText(): void {
  const key = `${opened.value?.fingerprint} ${textMode.value}`;
  if (key === shown) return;
  texts.set(shown, saved());
  restore(texts.get(key));
  shown = key;
}

export function setMode(next: Mode): void {
  stop();
  if (next === "write" || next === "chat") textMode.value = next;
  mode.value = next;
  showText();
}

opened.subscribe(() => {
  for (const text of [saved(), ...texts.values()]) dropMarks(text);
  showText();
});

/** Goes to a mode. With the page's own model the temperature that suits the mode takes the place of the other's. */
export function enter(next: Mode): void {
  const suited = BOX.temperature;
  const isUsual = sampling.value.temperature === suited[textMode.value];
  setMode(next);
  if (opened.value?.isBundled && isUsual) setSampling("temperature", suited[textMode.value]);
}

export const system = signal("");
/** Stops the text that is being made; undefined when none is. */
export const running = signal<AbortController | undefined>(undefined);
/** A message that the user rewrites: sending makes a branch next to it. */
export const editing = signal<Node | undefined>(undefined);
export const failure = signal<string | undefined>(undefined);

/** Likely tokens that are kept beside each one. */
const ALTERNATIVES = 8;

/** Adds what the user wrote, and lets the model go on. */
export async function submit(text: string, before?: Node): Promise<void> {
  const after = before ?? current.value;
  const parent = text === "" ? after : addNode("prompt", after, text);
  if (parent.kind === "root") return;
  await answer(parent);
}

/** Gives the model what the tools that it called have answered, and lets it go on. */
export async function submitResults(node: Node, results: readonly string[]): Promise<void> {
  const prompt = addNode("prompt", node, results.join("\n"));
  prompt.results = results.map((content, i) => ({
    role: "tool",
    content,
    tool_call_id: node.message?.tool_calls?.[i]?.id ?? "",
  }));
  await answer(prompt);
}

/** Another version of the answer that is shown. */
export async function again(): Promise<void> {
  const node = current.value;
  if (node.kind === "answer" && node.parent) await answer(node.parent);
}

/** The answer with another token in place of one, and what follows from it. */
export async function forkAt(node: Node, index: number, id: number): Promise<void> {
  if (!node.parent) return;
  const old = node.tokens[index];
  const logprob = old?.top.find(({ token }) => token === id)?.logprob ?? Number.NEGATIVE_INFINITY;
  const kept = node.tokens.slice(0, index);
  const text = textOf([...kept.map(({ id }) => id), id]).slice(kept.map(({ text }) => text).join("").length);
  await answer(node.parent, [...kept, { id, text, logprob, top: old?.top ?? [], seconds: 0 }]);
}

export function stop(): void {
  running.value?.abort();
}

/** @param kept tokens that the answer begins with */
async function answer(parent: Node, kept: readonly Token[] = []): Promise<void> {
  const model = opened.value;
  if (!model || running.value) return;
  const controller = new AbortController();
  running.value = controller;
  failure.value = undefined;
  const node = addNode("answer", parent, "");
  let guide: AnswerGuide | undefined;
  showEnd();
  try {
    guide = mode.value === "chat" ? await guideTo(model, parent) : undefined;
    const ids = guide ? encodePrompt(model.model.tokenizer, guide.prompt) : textIds(model, parent);
    node.from = ids.length;
    node.kept = kept.length;
    node.seed = drawSeed();
    node.begun = /<think[^<]*(<\/think)?\s*$/.exec(guide?.prompt ?? "")?.[0] ?? "";
    node.hasTools = guide?.constraint !== undefined;
    node.settings = { sampling: sampling.value, form: form.value };
    await make(model, node, ids, kept, {
      sampling: sampling.value,
      maxTokens: maxTokens.value,
      stop: guide?.stop ?? [],
      constraint: await constraintAfter(model, kept, guide?.constraint as Constraint | undefined),
      signal: controller.signal,
    });
  } catch (error) {
    if (!controller.signal.aborted) failure.value = messageOf(error);
  } finally {
    running.value = undefined;
    if (node.tokens.length > 0) node.message = guide?.message(node.text);
    if (node.tokens.length === 0 && !node.stop) removeNode(node);
    else goTo(node);
  }
}

export interface MakeOptions {
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly constraint: Constraint | undefined;
  readonly signal: AbortSignal;
}

/** What the answer is held to, after the tokens that it begins with. @throws RangeError for one that cannot be there */
export async function constraintAfter(
  { model }: Opened,
  kept: readonly Token[],
  given?: Constraint,
  held: Form = form.value,
): Promise<Constraint | undefined> {
  const source = given ? undefined : constraintOf(held);
  if (!given && !source) return undefined;
  const { createConstraint } = await import("wkv/constraint"); // 20 KB that most texts do without
  const constraint = given ?? createConstraint(model.tokenizer, source!);
  for (const { id } of kept) constraint.accept(id);
  return constraint;
}

/** Fills an answer with tokens, and keeps the state at its end. */
export async function make(
  { model, fingerprint }: Opened,
  node: Node,
  ids: readonly number[],
  kept: readonly Token[],
  { sampling, ...options }: MakeOptions,
): Promise<void> {
  const before = [...ids, ...kept.map(({ id }) => id)];
  const { session, rest } = sessionAt(model, before, node.parent);
  try {
    node.tokens = kept;
    node.text = kept.map(({ text }) => text).join("");
    node.ids = before;
    const given = { ...sampling, ...options, seed: node.seed, logprobs: ALTERNATIVES };
    await readTokens(node, session.generate(rest, given));
    node.digest = await digestOf(fingerprint, node, session);
  } finally {
    if (node.tokens.length > 0) keepMark(node, await session.mark());
    session.dispose();
    touch();
  }
}

async function readTokens(node: Node, pieces: ReturnType<Session["generate"]>): Promise<void> {
  let last = performance.now();
  for await (const { token, text, logprob = 0, topLogprobs = [], stop } of pieces) {
    const now = performance.now();
    if (stop !== "end") {
      node.ids = [...node.ids, token];
      node.tokens = [...node.tokens, { id: token, text, logprob, top: topLogprobs, seconds: (now - last) / 1000 }];
    } else if (text) node.text += text;
    node.text += stop === "end" ? "" : text;
    node.stop = stop as StopReason | undefined;
    repaint();
    await visible();
    last = performance.now();
  }
}

/** Resolves at once in a page that is seen; a hidden one waits, so that it takes no processor. */
export function visible(): Promise<void> | undefined {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", () => resolve(), { once: true });
  });
}

let waiting = false;

/** Shows what is new with the next frame: tokens may come faster than the screen can show them. */
function repaint(): void {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    touch();
  });
}

/**
 * A session that has read the beginning of `ids`, from the nearest state that was kept.
 * @returns the session, and what it has yet to read
 */
export function sessionAt(
  model: Opened["model"],
  ids: readonly number[],
  near: Node | undefined,
): { session: Session; rest: number[] } {
  const session = model.createSession();
  for (let at = near; at; at = at.parent) {
    if (!at.mark || !beginsWith(ids, at.ids)) continue;
    session.rewind(at.mark);
    return { session, rest: ids.slice(at.ids.length) };
  }
  return { session, rest: [...ids] };
}

function beginsWith(ids: readonly number[], beginning: readonly number[]): boolean {
  return beginning.length <= ids.length && beginning.every((id, i) => ids[i] === id);
}

/** What the model must have read before it continues a text. */
function textIds({ model }: Opened, prompt: Node): number[] {
  if (prompt.kind === "answer") return [...prompt.ids];
  return [...(prompt.parent?.ids ?? []), ...encodePrompt(model.tokenizer, prompt.text)];
}

/** How a message of a chat is answered. */
async function guideTo({ model }: Opened, prompt: Node): Promise<AnswerGuide> {
  const chosen = await chooseTemplate(model, template.value);
  const tools = toolList();
  const given = tools.length > 0 ? { tools, toolChoice: toolChoice.value } : {};
  return guideAnswer(model.tokenizer, chosen, messagesOf(prompt), { think: think.value, ...given });
}

export function messagesOf(node: Node): ChatMessage[] {
  const start: ChatMessage[] = system.value ? [{ role: "system", content: system.value }] : [];
  return [...start, ...pathTo(node).flatMap(messagesIn)];
}

function messagesIn({ kind, text, message, results }: Node): readonly ChatMessage[] {
  if (results) return results;
  return [message ?? { role: kind === "answer" ? "assistant" : "user", content: text.trim() }];
}

export function textOf(ids: readonly number[]): string {
  return opened.value?.model.tokenizer.decode(ids) ?? "";
}

/** One token, as it is shown in lists. */
export function tokenText(id: number): string {
  const text = textOf([id]);
  return text === "" ? "∅" : text.replace(/\n/g, "⏎").replace(/\t/g, "⇥");
}

/** Tokens made, and the bits of the logits after the last one. */
export async function digestOf(fingerprint: string, node: Node, session: Session): Promise<string> {
  const made = Uint32Array.from(node.ids.slice(node.from + node.kept));
  const logits = await session.feed([]);
  const model = new TextEncoder().encode(fingerprint);
  const bytes = new Uint8Array(await new Blob([model, made, new Float32Array(logits)]).arrayBuffer());
  if (!globalThis.crypto?.subtle) return "";
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 8);
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
