import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { opened } from "../model.ts";
import { select, selected } from "../selection.ts";
import { percent, t } from "../strings/index.ts";
import { changes, current, type Node, pathTo, type Token } from "../tree.ts";
import { editing, mode, running, tokenText } from "../write.ts";
import { Calls } from "./calls.tsx";

/** The text that is shown: what the user wrote, and the model's tokens one by one. */
export function Text() {
  const version = changes.value;
  const path = pathTo(current.value);
  const box = useRef<HTMLElement>(null);
  useEffect(() => keepEndInView(box.current), [version]);
  return (
    <article
      class={`text ${mode.value}`}
      id="text"
      ref={box}
      // Focusable because it scrolls, and because arrow keys move through it.
      tabIndex={0}
      aria-label={t("text")}
      aria-describedby="text-help"
      aria-busy={running.value !== undefined}
      onKeyDown={moveSelection}
    >
      <span id="text-help" class="visually-hidden">
        {t("textHelp")}
      </span>
      {path.length === 0 ? <Empty /> : path.map((node) => <Piece key={node.id} node={node} version={version} />)}
      {running.value && <span class="caret" />}
    </article>
  );
}

function keepEndInView(box: HTMLElement | null): void {
  if (!box || !running.value) return;
  if (box.scrollHeight - box.scrollTop - box.clientHeight < 160) box.scrollTop = box.scrollHeight;
}

function Empty() {
  const isChat = mode.value === "chat";
  return (
    <div class="empty">
      <p class="empty-title">{t(isChat ? "emptyChat" : "emptyWrite")}</p>
      <p class="muted">{t("emptyHint")}</p>
      {isChat && opened.value?.isBox && <p class="muted">{t("notTrainedToChat")}</p>}
    </div>
  );
}

/** @param version changes with the node's content */
function Piece({ node }: { node: Node; version: number }) {
  const isChat = mode.value === "chat";
  const mine = node.kind === "prompt";
  const Tag = isChat ? "div" : "span";
  return (
    <Tag class={`piece ${node.kind} ${editing.value === node ? "edited" : ""}`}>
      {isChat && <span class="speaker">{t(mine ? "you" : "answer")}</span>}
      {mine ? <Own node={node} /> : <Answer node={node} />}
    </Tag>
  );
}

function Own({ node }: { node: Node }) {
  return (
    <span dir="auto">
      {node.text}
      {!node.results && (
        <button
          type="button"
          class="edit"
          aria-label={`${t("edit")}: ${node.text.slice(0, 40)}`}
          title={t("edit")}
          onClick={() => (editing.value = node)}
        >
          ✎
        </button>
      )}
    </span>
  );
}

/** An answer: its thought folded once it is complete, the text, and the calls of tools. */
function Answer({ node }: { node: Node }) {
  const { tokens, message } = node;
  const { end, complete } = thoughtOf(node);
  return (
    <>
      {end > 0 && (
        <details class="thought" open={!complete}>
          <summary>{t("thought")}</summary>
          <Tokens node={node} from={0} to={end} />
        </details>
      )}
      <Tokens node={node} from={end} to={tokens.length} />
      {message?.tool_calls && <Calls node={node} calls={message.tool_calls} />}
    </>
  );
}

const THOUGHT = "<think>";
const THOUGHT_END = "</think>";

/** How many tokens of an answer are its thought. */
function thoughtOf({ begun, tokens }: Node): { end: number; complete: boolean } {
  const mark = begun ? THOUGHT.slice(0, -1) : THOUGHT; // the last character may be left to the model
  let text = begun.trimStart();
  for (const [i, token] of tokens.entries()) {
    text = (text + token.text).trimStart();
    if (text.includes(THOUGHT_END)) return { end: i + 1, complete: true };
    if (!text.startsWith(mark.slice(0, text.length))) return { end: 0, complete: true };
  }
  const isOpen = text.startsWith(mark) && !/<\/think[^>]/.test(text);
  return { end: isOpen ? tokens.length : 0, complete: !isOpen };
}

/** Tokens are drawn in groups, so that a new one leaves all groups but the last as they are. */
const GROUP = 32;

function Tokens({ node, from, to }: { node: Node; from: number; to: number }) {
  const groups = Math.ceil((to - from) / GROUP);
  const chosen = selected.value?.node === node ? selected.value.index : -1;
  return (
    <span dir="auto" lang="">
      {Array.from({ length: groups }, (_, i) => {
        const first = from + i * GROUP;
        const part = node.tokens.slice(first, Math.min(to, first + GROUP));
        const at = chosen - first;
        return <Group key={i} node={node} first={first} tokens={part} chosen={at >= 0 && at < GROUP ? at : -1} />;
      })}
    </span>
  );
}

interface GroupProps {
  node: Node;
  first: number;
  tokens: readonly Token[];
  chosen: number;
}

const Group = memo(
  ({ node, first, tokens, chosen }: GroupProps) => (
    <>
      {tokens.map((token, i) => (
        // biome-ignore lint/a11y: the keyboard's way through the tokens is the text's own, by arrow keys.
        <span
          key={first + i}
          class={`token ${i === chosen ? "chosen" : ""}`}
          style={{ "--doubt": doubt(token) }}
          title={hint(token)}
          onClick={() => select(node, first + i)}
        >
          {token.text}
        </span>
      ))}
    </>
  ),
  (a, b) =>
    a.chosen === b.chosen && a.node === b.node && a.tokens.length === b.tokens.length && a.tokens[0] === b.tokens[0],
);

/** 0 for a token that was certain, 1 for one that nothing spoke for. */
function doubt({ logprob }: Token): string {
  return Math.min(1, -logprob / 6).toFixed(2);
}

function hint({ id, logprob, top }: Token): string {
  const others = top.filter(({ token }) => token !== id).slice(0, 4);
  const lines = others.map(({ token, logprob }) => `${tokenText(token)}  ${percent(Math.exp(logprob))}`);
  return [`${tokenText(id)}  ${percent(Math.exp(logprob))}`, ...lines].join("\n");
}

function moveSelection(event: KeyboardEvent): void {
  const answers = pathTo(current.value).filter(({ tokens }) => tokens.length > 0);
  const last = answers.at(-1);
  if (!last) return;
  const { node, index } = selected.value ?? { node: last, index: last.tokens.length };
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const at = index + step;
  const other = answers[answers.indexOf(node) + step];
  if (at >= 0 && at < node.tokens.length) select(node, at);
  else if (other) select(other, step > 0 ? 0 : other.tokens.length - 1);
}
