import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Alternatives, type Place } from "../inside/alternatives.tsx";
import { percent } from "../strings/index.ts";
import { current, pathTo } from "../tree.ts";
import { running, tokenText } from "../write.ts";

/** The token whose alternatives are beside it: the one under the pointer, or one that was chosen, which `stays`. */
export const peek = signal<(Omit<Place, "token"> & { readonly stays: boolean }) | undefined>(undefined);

running.subscribe(close); // the text goes on, or is all there

const COUNT = 6;
/** Pixels that it takes below a token; where there is less room it is above. */
const HEIGHT = 280;

export function Peek() {
  const card = useRef<HTMLDivElement>(null);
  const { node, index = 0, stays } = peek.value ?? {};
  const token = node && pathTo(current.value).includes(node) ? node.tokens[index] : undefined;
  useLayoutEffect(() => card.current?.style.setProperty("translate", placeOf(card.current, node?.id, index)));
  useEffect(() => {
    if (!stays) return undefined;
    const leave = ({ target }: Event) => {
      if (!(target as Element).closest(".peek, .token")) close();
    };
    addEventListener("pointerdown", leave);
    return () => removeEventListener("pointerdown", leave);
  }, [stays]);
  if (!node || !token) return null;
  return (
    <div class={`peek ${stays ? "stays" : ""}`} ref={card} aria-hidden={!stays}>
      <p class="between">
        <b dir="auto">{tokenText(token.id)}</b>
        <span class="muted">{percent(Math.exp(token.logprob))}</span>
      </p>
      <Alternatives node={node} index={index} token={token} count={COUNT} onFork={close} />
    </div>
  );
}

function close(): void {
  peek.value = undefined;
}

/** Below the token or above it, within the text. */
function placeOf(card: HTMLElement, id: number | undefined, index: number): string {
  const text = card.parentElement!;
  const box = [...(text.querySelector(`[data-token="${id}-${index}"]`)?.getClientRects() ?? [])].at(-1);
  if (!box) return "0 0";
  const frame = text.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left - frame.left, frame.width - card.offsetWidth - 8));
  const isBelow = box.bottom + HEIGHT < frame.bottom || box.top - frame.top < HEIGHT;
  const top = isBelow ? box.bottom + 6 : box.top - card.offsetHeight - 6;
  return `${left}px ${top - frame.top + text.scrollTop}px`;
}
