import { signal } from "@preact/signals";
import { loadModel, type Model } from "wkv";
import { BOX, RECOMMENDED } from "../bundled.ts";
import { memoryLimit, messageOf, type Opened, opened } from "../model.ts";
import { saveAs } from "../save.ts";
import { drawSeed, maxTokens, type Sampling, sampling } from "../settings.ts";
import type { Key } from "../strings/en.ts";
import { t } from "../strings/index.ts";
import { failure, visible } from "../write.ts";

type What = "seed" | "weights" | "preset" | "prompt" | "model";

const WHAT: Readonly<Record<What, Key>> = {
  seed: "compareSeed",
  weights: "compareWeights",
  preset: "comparePreset",
  prompt: "comparePrompt",
  model: "compareModel",
};

/** One of the two: what it begins with, and what makes it. */
interface Side {
  readonly label: string;
  readonly model: Model;
  readonly prompt: string;
  readonly seed: number;
  readonly sampling: Sampling;
}

interface Version {
  readonly label: string;
  readonly prompt: string;
  readonly pieces: readonly { readonly token: number; readonly text: string }[];
}

const start = signal(BOX.suggestions.write[0]!);
const what = signal<What>("seed");
const otherPrompt = signal("");
/** The second model: a file of this device, or an address. */
const otherModel = signal<File | string>(BOX.address);
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
          value={start}
          onInput={({ currentTarget: { value } }) => (start.value = value)}
        />
        {what.value === "prompt" && (
          <textarea
            rows={2}
            dir="auto"
            aria-label={t("comparePrompt")}
            placeholder={t("comparePrompt")}
            value={otherPrompt}
            onInput={({ currentTarget: { value } }) => (otherPrompt.value = value)}
          />
        )}
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
        {what.value === "model" && <OtherModel />}
        <button type="submit" class="primary" disabled={!opened.value || !start.value}>
          {t(controller.value ? "stop" : "compareRun")}
        </button>
      </form>
      {isDone && <p class="muted">{part < 0 ? t("same") : t("differAt", { at: part + 1 })}</p>}
      <div class="versions">
        {versions.value.map(({ label, prompt, pieces }, i) => (
          <article key={i} class="version">
            <h3>
              {t(i === 0 ? "versionA" : "versionB")} <span class="muted">{label}</span>
            </h3>
            <p dir="auto">
              <span class="own">{prompt}</span>
              {pieces.map(({ text }, at) => (
                <span key={at} class={part >= 0 && at === part ? "parting" : ""}>
                  {text}
                </span>
              ))}
            </p>
          </article>
        ))}
      </div>
      {isDone && (
        <button
          type="button"
          class="quiet start"
          onClick={() => saveAs("compare.json", JSON.stringify(versions.value, null, 1), "application/json")}
        >
          {t("saveJson")}
        </button>
      )}
    </section>
  );
}

/** Where the second model is from. */
function OtherModel() {
  const addresses = [BOX, ...RECOMMENDED];
  const other = otherModel.value;
  return (
    <>
      <select
        aria-label={t("compareModel")}
        value={typeof other === "string" ? other : ""}
        onChange={({ currentTarget: { value } }) => (otherModel.value = value)}
      >
        {typeof other !== "string" && <option value="">{other.name}</option>}
        {addresses.map(({ name, address }) => (
          <option key={address} value={address}>
            {name}
          </option>
        ))}
      </select>
      <label class="button">
        {t("chooseFile")}
        <input
          id="other-file"
          type="file"
          class="visually-hidden"
          onChange={({ currentTarget: { files } }) => files?.[0] && (otherModel.value = files[0])}
        />
      </label>
    </>
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
    second = await secondModel(now, mine.signal);
    const sides = sidesOf(now, second);
    versions.value = sides.map(({ label, prompt }) => ({ label, prompt, pieces: [] }));
    await Promise.all(sides.map((side, i) => write(i, side, mine.signal)));
  } catch (error) {
    if (!mine.signal.aborted) failure.value = messageOf(error);
  } finally {
    controller.value = undefined;
    await second?.dispose();
  }
}

/** The model that is compared with the open one; undefined where both sides are that one. */
async function secondModel({ model, source, vocab }: Opened, signal: AbortSignal): Promise<Model | undefined> {
  const limit = memoryLimit();
  const options = { signal, ...(limit && { maxBytes: limit }) };
  if (what.value === "weights")
    return loadModel(source, { ...options, weights: otherWeights(model), ...(vocab && { vocab }) });
  if (what.value !== "model") return undefined;
  return loadModel(otherModel.value, options);
}

function otherWeights({ info }: Model): "int8" | "f32" {
  return info.weights === "f32" ? "int8" : "f32";
}

function sidesOf({ name, model }: Opened, second: Model = model): Side[] {
  const seed = drawSeed();
  const side: Side = { label: name, model, prompt: start.value, seed, sampling: sampling.value };
  const heat = (temperature: number): Side => ({
    ...side,
    label: `${t("temperature")} ${temperature}`,
    sampling: { ...sampling.value, temperature },
  });
  const pairs: Readonly<Record<What, () => Side[]>> = {
    seed: () => [seed, seed + 1].map((each) => ({ ...side, label: `${t("seed")} ${each}`, seed: each })),
    weights: () => [model, second].map((each) => ({ ...side, label: each.info.weights, model: each })),
    preset: () => [heat(0.5), heat(1.2)],
    prompt: () => [side, { ...side, prompt: otherPrompt.value }].map((each) => ({ ...each, label: "" })),
    model: () => [side, { ...side, label: second.info.name, model: second }],
  };
  return pairs[what.value]();
}

async function write(index: number, { model, prompt, seed, sampling }: Side, signal: AbortSignal): Promise<void> {
  const session = model.createSession();
  try {
    const options = { ...sampling, seed, maxTokens: maxTokens.value, signal };
    for await (const { token, text } of session.generate(prompt, options)) {
      versions.value = versions.value.map((version, i) =>
        i === index ? { ...version, pieces: [...version.pieces, { token, text }] } : version,
      );
      await visible();
    }
  } finally {
    session.dispose();
  }
}
