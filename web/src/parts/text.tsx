import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { BOX, SUGGESTIONS } from "../bundled.ts";
import { opened } from "../model.ts";
import { select, selection } from "../selection.ts";
import { t } from "../strings/index.ts";
import { changes, current, type Node, pathTo, type Token } from "../tree.ts";
import { editing, mode, running, submit, textMode } from "../write.ts";
import { Calls } from "./calls.tsx";
import { Peek, peek } from "./peek.tsx";

/** The text that is shown: what the user wrote, and the model's tokens one by one. */
export function Text() {
  const version = changes.value;
  const path = pathTo(current.value);
  const box = useRef<HTMLElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current && (running.value || mode.value === "chat")) scrollToEnd(box.current!);
  }, [version, running.value]);
  const { node, index } = selection.value ?? {};
  useEffect(() => box.current?.querySelector(".chosen")?.scrollIntoView({ block: "nearest" }), [node, index]);
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
      onScroll={({ currentTarget }) => (follows.current = isNearEnd(currentTarget))}
    >
      <span id="text-help" class="visually-hidden">
        {t("textHelp")}
      </span>
      {path.length === 0 ? <Empty /> : path.map((node) => <Piece key={node.id} node={node} version={version} />)}
      {running.value && <span class="caret" />}
      <Peek />
    </article>
  );
}

function scrollToEnd(box: HTMLElement): void {
  box.scrollTop = box.scrollHeight;
}

function isNearEnd({ scrollHeight, scrollTop, clientHeight }: HTMLElement): boolean {
  return scrollHeight - scrollTop - clientHeight < 160;
}

function Empty() {
  const isChat = mode.value === "chat";
  const suggestions = (opened.value?.isBundled ? BOX.suggestions : SUGGESTIONS)[textMode.value];
  return (
    <div class="empty">
      <p class="empty-title">{t(isChat ? "emptyChat" : "emptyWrite")}</p>
      <ul class="suggestions" aria-label={t("suggestions")}>
        {suggestions.map((text) => (
          <li key={text}>
            <button type="button" disabled={!opened.value} onClick={() => void submit(text)}>
              {text.trim()}
            </button>
          </li>
        ))}
      </ul>
      <p class="muted">{t("emptyHint")}</p>
    </div>
  );
}

interface PieceProps {
  node: Node;
  /** Changes with the node's content: a component that reads signals is drawn again only when they change, or its props do. */
  version: number;
}

function Piece({ node, version }: PieceProps) {
  const isChat = mode.value === "chat";
  const mine = node.kind === "prompt";
  const Tag = isChat ? "div" : "span";
  return (
    <Tag class={`piece ${node.kind} ${editing.value === node ? "edited" : ""}`}>
      {isChat && <span class="speaker">{t(mine ? "you" : "answer")}</span>}
      {mine ? <Own node={node} /> : <Answer node={node} version={version} />}
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

/** An answer: its thought folded once it is complete, the text, and the calls of tools, which replace the text of them. */
function Answer({ node }: PieceProps) {
  const { tokens, message } = node;
  const { end, complete } = thoughtOf(node);
  const text = <Tokens node={node} from={end} to={tokens.length} />;
  return (
    <>
      {end > 0 && (
        <details class="thought" open={!complete}>
          <summary>{t("thought")}</summary>
          <Tokens node={node} from={0} to={end} />
        </details>
      )}
      {message?.tool_calls ? (
        <>
          <Calls node={node} calls={message.tool_calls} />
          <details class="thought">
            <summary>{t("rawAnswer")}</summary>
            {text}
          </details>
        </>
      ) : (
        text
      )}
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
  const chosen = selection.value?.node === node ? selection.value.index : -1;
  return (
    // biome-ignore lint/a11y: the keyboard's way through the tokens is the text's own, by arrow keys.
    <span
      dir="auto"
      lang=""
      onClick={(event) => show(event, node, true)}
      onPointerOver={(event) => event.pointerType === "mouse" && show(event, node, false)}
      onPointerLeave={() => !peek.value?.stays && (peek.value = undefined)}
    >
      {Array.from({ length: groups }, (_, i) => {
        const first = from + i * GROUP;
        const part = node.tokens.slice(first, Math.min(to, first + GROUP));
        const at = chosen - first;
        const isStart = mode.value === "chat" && i === 0;
        return (
          <Group
            key={i}
            node={node}
            first={first}
            tokens={part}
            chosen={at >= 0 && at < GROUP ? at : -1}
            isStart={isStart}
          />
        );
      })}
    </span>
  );
}

/** Shows the alternatives of the token that an event is on. */
function show({ target }: Event, node: Node, stays: boolean): void {
  const index = Number((target as HTMLElement).dataset.token?.split("-")[1] ?? Number.NaN);
  if (!node.tokens[index] || (!stays && peek.value?.stays)) return;
  peek.value = { node, index, stays };
  if (stays) select(node, index);
}

interface GroupProps {
  node: Node;
  first: number;
  tokens: readonly Token[];
  chosen: number;
  /** The space before a message is not shown. */
  isStart: boolean;
}

const Group = memo(
  ({ node, first, tokens, chosen, isStart }: GroupProps) => (
    <>
      {tokens.map((token, i) => (
        <span
          key={first + i}
          class={`token ${i === chosen ? "chosen" : ""}`}
          style={{ "--doubt": doubt(token) }}
          data-token={`${node.id}-${first + i}`}
        >
          {isStart && i === 0 ? token.text.trimStart() : token.text}
        </span>
      ))}
    </>
  ),
  (a, b) =>
    a.chosen === b.chosen && a.node === b.node && a.tokens.length === b.tokens.length && a.tokens[0] === b.tokens[0],
);

/** 0 for a token that had at least a third, 1 for one that nothing spoke for. */
function doubt({ logprob }: Token): string {
  return Math.min(1, Math.max(0, (-logprob - 1.1) / 4)).toFixed(2);
}

function moveSelection(event: KeyboardEvent): void {
  const text = event.currentTarget as HTMLElement;
  if (event.key === "Escape" && peek.value) {
    peek.value = undefined;
    text.focus();
  }
  if (event.target !== text) return; // in the alternatives
  if (event.key === "Enter") {
    event.preventDefault(); // the key would press the button that it goes to
    text.querySelector<HTMLElement>(".peek.stays button:enabled")?.focus();
  }
  const answers = pathTo(current.value).filter(({ tokens }) => tokens.length > 0);
  const last = answers.at(-1);
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!last || step === undefined) return;
  event.preventDefault();
  const { node, index } = selection.value ?? { node: last, index: last.tokens.length };
  const at = index + step;
  const other = answers[answers.indexOf(node) + step];
  if (at >= 0 && at < node.tokens.length) moveTo(node, at);
  else if (other) moveTo(other, step > 0 ? 0 : other.tokens.length - 1);
}

function moveTo(node: Node, index: number): void {
  select(node, index);
  peek.value = { node, index, stays: true };
}
