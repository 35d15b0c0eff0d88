import { computed, signal } from "@preact/signals";
import { changes, current, type Node, pathTo } from "./tree.ts";

/** Tokens read before the moment that the inside shows; undefined: all. */
export const moment = signal<number | undefined>(undefined);

/** Goes to the moment after a token of an answer. */
export function select(node: Node, index: number): void {
  moment.value = node.from + index + 1;
}

export function showEnd(): void {
  moment.value = undefined;
}

/** The token before the moment; undefined where that is the end of the text, or what the user wrote. */
export const selection = computed(() => {
  changes.value;
  const at = moment.value;
  if (at === undefined) return undefined;
  const node = pathTo(current.value).find(({ from, tokens }) => from < at && at <= from + tokens.length);
  if (!node) return undefined;
  const index = at - node.from - 1;
  return { node, index, token: node.tokens[index]! };
});

/** Tokens that the model has read, of the text that is shown. */
export const length = computed(() => {
  changes.value;
  return current.value.ids.length;
});
