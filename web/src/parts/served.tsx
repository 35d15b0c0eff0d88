import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { SUGGESTIONS } from "../bundled.ts";
import {
  answering,
  apiKey,
  listServed,
  needsKey,
  type Said,
  said,
  say,
  servedModel,
  servedModels,
  serverFailure,
  setApiKey,
  tokensPerSecond,
} from "../served.ts";
import { t } from "../strings/index.ts";
import { SamplingPanel } from "./sampling.tsx";

/** Chat with the server's models. */
export function Served() {
  useEffect(() => {
    if (servedModels.value.length === 0) void listServed();
  }, []);
  const isEmpty = said.value.length === 0;
  return (
    <div class="desk served" data-panel="text">
      <aside class="side left" aria-label={t("settings")}>
        <SamplingPanel />
      </aside>
      <section class="page" aria-label={t("server")}>
        <article class="text chat" aria-label={t("text")} aria-busy={answering.value !== undefined} tabIndex={0}>
          {isEmpty ? <Empty /> : said.value.map((each, i) => <Message key={i} {...each} />)}
          {answering.value && <span class="caret" />}
        </article>
        <Composer />
      </section>
    </div>
  );
}

function Empty() {
  return (
    <div class="empty">
      <p class="empty-title">{t("emptyServer")}</p>
      <ul class="suggestions" aria-label={t("suggestions")}>
        {SUGGESTIONS.chat.map((text) => (
          <li key={text}>
            <button type="button" disabled={servedModel.value === ""} onClick={() => void say(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
      <p class="muted">{t("serverHint")}</p>
    </div>
  );
}

function Message({ role, content, thought }: Said) {
  const isMine = role === "user";
  return (
    <div class={`piece ${isMine ? "prompt" : "answer"}`}>
      <span class="speaker">{t(isMine ? "you" : "answer")}</span>
      {thought && (
        <details class="thought" open={content === ""}>
          <summary>{t("thought")}</summary>
          {thought}
        </details>
      )}
      <span dir="auto">{content}</span>
    </div>
  );
}

function Composer() {
  const text = useSignal("");
  const isBusy = answering.value !== undefined;
  const canSend = !isBusy && text.value.trim() !== "" && servedModel.value !== "";
  const send = () => {
    if (!canSend) return;
    void say(text.value);
    text.value = "";
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {needsKey.value && <Key />}
      {serverFailure.value && !needsKey.value && (
        <p class="warn" role="alert">
          {serverFailure.value}
        </p>
      )}
      <div class="writing">
        <textarea
          dir="auto"
          rows={2}
          aria-label={t("placeholderChat")}
          placeholder={t("placeholderChat")}
          value={text}
          onInput={({ currentTarget: { value } }) => (text.value = value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        {isBusy ? (
          <button type="button" class="primary stop" onClick={() => answering.value?.abort()}>
            {t("stop")}
          </button>
        ) : (
          <button type="submit" class="primary go" disabled={!canSend}>
            {t("send")}
          </button>
        )}
      </div>
      <Tools />
    </form>
  );
}

function Tools() {
  return (
    <div class="tools">
      <label class="tool-select">
        <span class="visually-hidden">{t("model")}</span>
        <select value={servedModel} onChange={({ currentTarget: { value } }) => void (servedModel.value = value)}>
          {servedModels.value.map((id) => (
            <option key={id}>{id}</option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="quiet"
        disabled={answering.value !== undefined || said.value.length === 0}
        onClick={() => (said.value = [])}
      >
        {t("clear")}
      </button>
      <span class="grow" />
      {tokensPerSecond.value !== undefined && (
        <span class="hint">
          {tokensPerSecond.value.toFixed(0)} {t("tokensSecond")}
        </span>
      )}
    </div>
  );
}

function Key() {
  return (
    <p class="field key-field">
      <label for="api-key">{t("apiKey")}</label>
      <input
        id="api-key"
        type="password"
        autocomplete="off"
        value={apiKey}
        onInput={({ currentTarget: { value } }) => setApiKey(value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          void listServed();
        }}
      />
      <button type="button" onClick={() => void listServed()}>
        {t("open")}
      </button>
    </p>
  );
}
