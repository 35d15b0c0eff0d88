// The texts as a tree: each node is a piece of text after its parent's, with the model's state after it.
import { signal } from "@preact/signals";
import type { Mark, StopReason, TokenLogprob } from "wkv";
import type { AssistantMessage, ChatMessage } from "wkv/chat";
import type { Form, Sampling } from "./settings.ts";

/** A token that the model made. */
export interface Token {
  readonly id: number;
  /** The text that became complete with it. */
  readonly text: string;
  /** Natural logarithm of its probability. */
  readonly logprob: number;
  /** What else the model considered, the likeliest first. */
  readonly top: readonly TokenLogprob[];
  /** Seconds that it took. */
  readonly seconds: number;
}

export type Kind = "root" | "prompt" | "answer";

export interface Node {
  readonly id: number;
  readonly kind: Kind;
  readonly parent: Node | undefined;
  readonly children: Node[];
  /** What the user wrote; of an answer, its tokens' text. */
  text: string;
  tokens: readonly Token[];
  /** Everything that the model has read up to the end of this node. */
  ids: readonly number[];
  /** Tokens of `ids` that were read before the answer began. */
  from: number;
  /** Tokens that the answer begins with because they were chosen: the model made those after them. */
  kept: number;
  /** Of a thought, what the prompt has begun already. */
  begun: string;
  /** The answer in a chat, with its thought and its calls apart. */
  message: AssistantMessage | undefined;
  /** What tools answered, in place of what a user wrote. */
  results: readonly ChatMessage[] | undefined;
  /** Whether it was held to tools, which a link does not carry. */
  hasTools: boolean;
  /** The state there; dropped when there are too many. */
  mark: Mark | undefined;
  seed: number | undefined;
  /** What it was made with. */
  settings: { readonly sampling: Sampling; readonly form: Form } | undefined;
  stop: StopReason | undefined;
  /** Of the link that reproduces it. */
  digest: string | undefined;
  /** The child that was seen last: where redo goes. */
  latest: Node | undefined;
}

/** More bytes of states than this are not kept; older ones are read again when they are needed. */
const MARK_BYTES = 192e6;

let count = 0;

function makeNode(kind: Kind, parent: Node | undefined, text: string): Node {
  return {
    id: count++,
    kind,
    parent,
    children: [],
    text,
    tokens: [],
    ids: parent?.ids ?? [],
    from: 0,
    kept: 0,
    begun: "",
    message: undefined,
    results: undefined,
    hasTools: false,
    mark: undefined,
    seed: undefined,
    settings: undefined,
    stop: undefined,
    digest: undefined,
    latest: undefined,
  };
}

export const root = signal<Node>(makeNode("root", undefined, ""));
/** The node whose text, with all before it, is shown. */
export const current = signal<Node>(root.value);
/** Counts changes within nodes: views of a node's content depend on it. */
export const changes = signal(0);

export function touch(): void {
  changes.value++;
}

export function addNode(kind: Kind, parent: Node, text: string): Node {
  const node = makeNode(kind, parent, text);
  parent.children.push(node);
  goTo(node);
  return node;
}

export function goTo(node: Node): void {
  for (let at: Node = node; at.parent; at = at.parent) at.parent.latest = at;
  current.value = node;
  touch();
}

/** From the first node to this one, without the root. */
export function pathTo(node: Node): Node[] {
  const path: Node[] = [];
  for (let at: Node | undefined = node; at?.parent; at = at.parent) path.unshift(at);
  return path;
}

export function allNodes(start: Node = root.value): Node[] {
  return [start, ...start.children.flatMap((child) => allNodes(child))];
}

export function startOver(): void {
  dropMarks(saved());
  root.value = makeNode("root", undefined, "");
  current.value = root.value;
  touch();
}

/** Lets go of a tree's states: another model is open. They are read again when they are needed. */
export function dropMarks(tree: Saved): void {
  for (const node of allNodes(tree.root)) {
    node.mark?.dispose();
    node.mark = undefined;
  }
}

export interface Saved {
  readonly root: Node;
  readonly current: Node;
}

export function saved(): Saved {
  return { root: root.value, current: current.value };
}

/** Shows a tree again, or a new one. */
export function restore(tree: Saved | undefined): void {
  root.value = tree?.root ?? makeNode("root", undefined, "");
  current.value = tree?.current ?? root.value;
  touch();
}

/** Takes a node away that came to nothing. */
export function removeNode(node: Node): void {
  const { parent } = node;
  if (!parent) return;
  parent.children.splice(parent.children.indexOf(node), 1);
  if (parent.latest === node) parent.latest = parent.children.at(-1);
  goTo(parent);
}

/** Keeps a state, and lets go of the oldest ones when there are too many. */
export function keepMark(node: Node, mark: Mark): void {
  node.mark = mark;
  let bytes = 0;
  for (const each of allNodes().sort((a, b) => b.id - a.id)) {
    bytes += each.mark?.bytes ?? 0;
    if (bytes <= MARK_BYTES || each === node) continue;
    each.mark?.dispose();
    each.mark = undefined;
  }
}

/** Undo: before the model's answer, and before what was said to get it. */
export function before(node: Node): Node | undefined {
  const { parent } = node;
  return node.kind === "answer" && parent?.kind === "prompt" ? parent.parent : parent;
}

export function after(node: Node): Node | undefined {
  const next = node.latest ?? node.children.at(-1);
  return next?.kind === "prompt" ? (next.latest ?? next.children.at(-1) ?? next) : next;
}
