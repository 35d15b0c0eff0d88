import { asked, verdict } from "../link.ts";
import { loadError, loading, openAddress, opened } from "../model.ts";
import { reproduce } from "../reproduce.ts";
import { duration, size, t } from "../strings/index.ts";
import { failure } from "../write.ts";

/** What the page has to say: loading, failures, a link that waits. */
export function Notices() {
  return (
    <div class="notices" aria-live="polite">
      {loading.value && <Loading />}
      {loadError.value && (
        <Failure title={t("failedLoad")} text={loadError.value} dismiss={() => (loadError.value = undefined)} />
      )}
      {failure.value && (
        <Failure title={t("failed")} text={failure.value} dismiss={() => (failure.value = undefined)} />
      )}
      <Asked />
    </div>
  );
}

const PHASES = { download: "downloading", check: "checking", read: "reading" } as const;

function Loading() {
  const { name, progress, cancel } = loading.value!;
  const { phase, loaded = 0, total = Number.POSITIVE_INFINITY, bytesPerSecond, secondsLeft } = progress ?? {};
  const facts = [
    Number.isFinite(total) && t("progress", { done: size(loaded), total: size(total) }),
    bytesPerSecond && t("perSecond", { speed: size(bytesPerSecond) }),
    secondsLeft && Number.isFinite(secondsLeft) && t("left", { time: duration(secondsLeft) }),
  ].filter(Boolean);
  return (
    <div class="notice loading">
      <span class="grow">
        <b>
          {t(PHASES[phase ?? "read"])} {name}
        </b>{" "}
        <span class="muted">{facts.join(" · ")}</span>
      </span>
      <button type="button" class="quiet" onClick={cancel}>
        {t("cancel")}
      </button>
      <progress aria-label={name} max={1} value={Number.isFinite(total) && total > 0 ? loaded / total : undefined} />
    </div>
  );
}

function Failure({ title, text, dismiss }: { title: string; text: string; dismiss: () => void }) {
  return (
    <div class="notice failure" role="alert">
      <span class="grow">
        <b>{title}.</b> {text}
      </span>
      <button type="button" class="quiet" onClick={dismiss}>
        {t("dismiss")}
      </button>
    </div>
  );
}

function Asked() {
  const recipe = asked.value;
  const dismiss = () => {
    asked.value = undefined;
    verdict.value = undefined;
    history.replaceState(null, "", location.pathname + location.search);
  };
  if (!recipe) return null;
  const { name, made, seed, fingerprint, address } = recipe;
  const isOther = opened.value !== undefined && opened.value.fingerprint !== fingerprint;
  return (
    <div class={`notice ${verdict.value === false ? "failure" : "offer"}`}>
      <span class="grow" data-verdict={verdict.value}>
        {verdict.value !== undefined
          ? t(verdict.value ? "reproduced" : "notReproduced")
          : isOther
            ? t("reproduceOther", { name })
            : t("reproduceOffer", { name, count: made, seed })}
      </span>
      {verdict.value === undefined && !isOther && opened.value && (
        <button type="button" class="primary" onClick={() => void reproduce(recipe)}>
          {t("reproduce")}
        </button>
      )}
      {isOther && address && (
        <button type="button" class="primary" onClick={() => void openAddress(address)}>
          {t("open")}
        </button>
      )}
      <button type="button" class="quiet" onClick={dismiss}>
        {t("dismiss")}
      </button>
    </div>
  );
}
