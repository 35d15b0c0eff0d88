import { type Signal, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { checkPrompt, fixPrompt, type TemplateName } from "wkv/chat";
import { BOX } from "../bundled.ts";
import { linkOf } from "../link.ts";
import { opened } from "../model.ts";
import { saveAs } from "../save.ts";
import { t } from "../strings/index.ts";
import { after, before, changes, current, goTo, root, startOver } from "../tree.ts";
import {
  again,
  editing,
  messagesOf,
  mode,
  running,
  sessionAt,
  stop,
  submit,
  type TextMode,
  textMode,
  textOf,
} from "../write.ts";

const drafts: Readonly<Record<TextMode, Signal<string>>> = {
  write: signal(BOX.suggestions.write[0]!),
  chat: signal(""),
};

/** What is being written. */
export const draft = (): Signal<string> => drafts[textMode.value];

function send(): void {
  const text = draft().value;
  const from = editing.value;
  editing.value = undefined;
  draft().value = "";
  void submit(text, from?.parent);
}

function cancelEdit(): void {
  editing.value = undefined;
  draft().value = "";
}

export function Composer() {
  changes.value;
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (!editing.value) return;
    draft().value = editing.value.text;
    input.current?.focus();
  }, [editing.value]);
  const isChat = mode.value === "chat";
  const canGo = opened.value !== undefined && (draft().value !== "" || (!isChat && current.value.kind !== "root"));
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (canGo && !running.value) send();
      }}
    >
      {editing.value && (
        <p class="editing">
          {t("editing")}{" "}
          <button type="button" class="quiet" onClick={cancelEdit}>
            {t("cancel")}
          </button>
        </p>
      )}
      <div class="writing">
        <textarea
          ref={input}
          dir="auto"
          rows={2}
          aria-label={t(isChat ? "placeholderChat" : "placeholderWrite")}
          placeholder={t(isChat ? "placeholderChat" : "placeholderWrite")}
          value={draft()}
          onInput={({ currentTarget: { value } }) => (draft().value = value)}
          onKeyDown={(event) => {
            // Enter that ends the input of a character is not the user's "send".
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            if (canGo && !running.value) send();
          }}
        />
        {running.value ? (
          <button type="button" class="primary stop" onClick={stop}>
            {t("stop")}
          </button>
        ) : (
          <button type="submit" class="primary go" disabled={!canGo}>
            {t(isChat ? "send" : "go")}
          </button>
        )}
      </div>
      {isChat && <Issues />}
      <Tools />
    </form>
  );
}

/** The check is of the message; what is around it is what this template writes. */
const CHECKED_AS: TemplateName = "world";

/** What in a message may confuse the model, with a fix. */
function Issues() {
  if (draft().value.length < 2) return null;
  const prompt = `User: ${draft().value}\n\nAssistant:`;
  const found = checkPrompt(prompt, CHECKED_AS);
  if (found.length === 0) return null;
  const rules = [...new Set(found.map(({ rule }) => rule))].join(", ");
  const fix = () => {
    const fixed = fixPrompt(prompt, CHECKED_AS);
    draft().value = fixed.replace(/^User: /, "").replace(/\n\nAssistant:$/, "");
  };
  return (
    <p class="editing">
      {t("promptIssues", { rules })}{" "}
      <button type="button" class="quiet" onClick={fix}>
        {t("fixPrompt")}
      </button>
    </p>
  );
}

function Tools() {
  const node = current.value;
  const busy = running.value !== undefined;
  const [back, forth] = [before(node), after(node)];
  const isAnswer = node.kind === "answer" && !busy;
  return (
    <div class="tools">
      <Tool name={t("undo")} can={!busy && back !== undefined} act={() => back && goTo(back)} />
      <Tool name={t("redo")} can={!busy && forth !== undefined} act={() => forth && goTo(forth)} />
      <Tool name={t("again")} can={isAnswer} act={() => void again()} />
      <Tool name={t("clear")} can={!busy && root.value.children.length > 0} act={startOver} />
      <span class="grow" />
      <Tool name={copied.value ? t("shared") : t("share")} can={isAnswer && !node.hasTools} act={() => void share()} />
      <label class="tool-select">
        <span class="visually-hidden">{t("exportLabel")}</span>
        <select
          disabled={!isAnswer}
          value=""
          onChange={({ currentTarget }) => {
            void exportAs(currentTarget.value as Export);
            currentTarget.value = "";
          }}
        >
          <option value="">{t("exportLabel")}</option>
          <option value="text">{t("exportText")}</option>
          <option value="json">{t("saveJson")}</option>
          <option value="state">{t("exportState")}</option>
        </select>
      </label>
    </div>
  );
}

function Tool({ name, can, act }: { name: string; can: boolean; act: () => void }) {
  return (
    <button type="button" class="quiet" disabled={!can} onClick={act}>
      {name}
    </button>
  );
}

const copied = signal(false);

async function share(): Promise<void> {
  const link = opened.value && linkOf(opened.value, current.value);
  if (!link) return;
  await navigator.clipboard.writeText(link);
  copied.value = true;
  setTimeout(() => (copied.value = false), 3000);
}

type Export = "text" | "json" | "state";

async function exportAs(kind: Export): Promise<void> {
  const now = opened.value;
  const node = current.value;
  if (!now) return;
  if (kind === "text") saveAs("wkv.txt", textOf(node.ids));
  if (kind === "json") {
    const { seed, tokens, settings } = node;
    const content = { model: now.name, messages: messagesOf(node), ...settings, seed, tokens };
    saveAs("wkv.json", JSON.stringify(content, null, 1), "application/json");
  }
  if (kind !== "state") return;
  const { session, rest } = sessionAt(now.model, node.ids, node);
  if (rest.length > 0) await session.feed(rest);
  saveAs("wkv.state", await session.save(), "application/octet-stream");
  session.dispose();
}
