import { computed, signal } from "@preact/signals";
import { changes, current, type Node, pathTo } from "./tree.ts";

/** A token of the text that the inside is shown of. */
export const selected = signal<{ readonly node: Node; readonly index: number } | undefined>(undefined);

/** Tokens read before the moment that the inside shows; undefined: all. */
export const moment = signal<number | undefined>(undefined);

export function select(node: Node, index: number): void {
  selected.value = { node, index };
  moment.value = node.from + index + 1;
}

/** Shows the end of the text, and nothing selected. */
export function showEnd(): void {
  selected.value = undefined;
  moment.value = undefined;
}

/** The selected token's, as long as it is in the text that is shown. */
export const selection = computed(() => {
  changes.value;
  const { node, index } = selected.value ?? {};
  if (!node || index === undefined || !pathTo(current.value).includes(node)) return undefined;
  const token = node.tokens[index];
  return token && { node, index, token };
});

/** Tokens that the model has read, of the text that is shown. */
export const length = computed(() => {
  changes.value;
  return current.value.ids.length;
});
