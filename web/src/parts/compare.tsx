import { signal } from "@preact/signals";
import { loadModel, type Model } from "wkv";
import { messageOf, opened } from "../model.ts";
import { drawSeed, maxTokens, sampling, seed } from "../settings.ts";
import type { Key } from "../strings/en.ts";
import { t } from "../strings/index.ts";
import { failure } from "../write.ts";
import { draft } from "./composer.tsx";

type What = "seed" | "weights" | "preset";

const WHAT: Readonly<Record<What, Key>> = { seed: "compareSeed", weights: "compareWeights", preset: "comparePreset" };

interface Version {
  readonly label: string;
  readonly pieces: readonly { readonly token: number; readonly text: string }[];
}

const what = signal<What>("seed");
const versions = signal<readonly Version[]>([]);
const controller = signal<AbortController | undefined>(undefined);

/** The same beginning twice, with one thing changed. */
export function Compare() {
  const [a, b] = versions.value;
  const part = a && b ? firstDifference(a, b) : 0;
  const isDone = controller.value === undefined && a && b;
  return (
    <section class="wide">
      <h2>{t("compare")}</h2>
      <p class="muted">{t("compareHint")}</p>
      <form
        class="compare-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (controller.value) controller.value.abort();
          else void run();
        }}
      >
        <textarea
          rows={2}
          dir="auto"
          aria-label={t("placeholderWrite")}
          value={draft}
          onInput={({ currentTarget: { value } }) => (draft.value = value)}
        />
        <label for="what">{t("compareWhat")}</label>
        <select
          id="what"
          value={what}
          onChange={({ currentTarget: { value } }) => {
            what.value = value as What;
          }}
        >
          {Object.entries(WHAT).map(([id, key]) => (
            <option key={id} value={id}>
              {t(key)}
            </option>
          ))}
        </select>
        <button type="submit" class="primary" disabled={!opened.value || !draft.value}>
          {t(controller.value ? "stop" : "compareRun")}
        </button>
      </form>
      {isDone && <p class="muted">{part < 0 ? t("same") : t("differAt", { count: part })}</p>}
      <div class="versions">
        {versions.value.map(({ label, pieces }, i) => (
          <article key={i} class="version">
            <h3>
              {t(i === 0 ? "versionA" : "versionB")} <span class="muted">{label}</span>
            </h3>
            <p dir="auto">
              <span class="own">{draft.value}</span>
              {pieces.map(({ text }, at) => (
                <span key={at} class={part >= 0 && at === part ? "parting" : ""}>
                  {text}
                </span>
              ))}
            </p>
          </article>
        ))}
      </div>
    </section>
  );
}

/** The index of the first token that differs, -1 where there is none. */
function firstDifference({ pieces: a }: Version, { pieces: b }: Version): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i]!.token !== b[i]!.token) return i;
  return a.length === b.length ? -1 : shorter;
}

async function run(): Promise<void> {
  const now = opened.value;
  if (!now) return;
  const mine = new AbortController();
  controller.value = mine;
  let second: Model | undefined;
  try {
    const other = now.model.info.weights === "f32" ? "int8" : "f32";
    if (what.value === "weights")
      second = await loadModel(now.source, {
        weights: other,
        signal: mine.signal,
        ...(now.vocab && { vocab: now.vocab }),
      });
    const first = seed.value ?? drawSeed();
    const sides = {
      seed: [{ seed: first }, { seed: first + 1 }],
      weights: [{ seed: first }, { seed: first }],
      preset: [
        { seed: first, temperature: 0.5 },
        { seed: first, temperature: 1.2 },
      ],
    }[what.value];
    const labels = {
      seed: [`${t("seed")} ${first}`, `${t("seed")} ${first + 1}`],
      weights: [now.model.info.weights, other],
      preset: ["0.5", "1.2"].map((value) => `${t("temperature")} ${value}`),
    }[what.value];
    versions.value = labels.map((label) => ({ label, pieces: [] }));
    const models = [now.model, second ?? now.model];
    await Promise.all(sides.map((side, i) => write(i, models[i]!, side, mine.signal)));
  } catch (error) {
    if (!mine.signal.aborted) failure.value = messageOf(error);
  } finally {
    controller.value = undefined;
    await second?.dispose();
  }
}

async function write(index: number, model: Model, side: object, signal: AbortSignal): Promise<void> {
  const session = model.createSession();
  try {
    const options = { ...sampling.value, ...side, maxTokens: maxTokens.value, signal };
    for await (const { token, text } of session.generate(draft.value, options)) {
      versions.value = versions.value.map((version, i) =>
        i === index ? { ...version, pieces: [...version.pieces, { token, text }] } : version,
      );
    }
  } finally {
    session.dispose();
  }
}
