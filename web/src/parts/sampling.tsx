import { PRESETS, type Preset } from "wkv";
import { type TemplateName, type ThinkMode, templates } from "wkv/chat";
import {
  currentPreset,
  type FormKind,
  form,
  maxTokens,
  RANGES,
  type SamplingName,
  sampling,
  seed,
  setSampling,
  THINK_MODES,
  template,
  think,
  usePreset,
} from "../settings.ts";
import type { Key } from "../strings/en.ts";
import { t } from "../strings/index.ts";
import { schemaOf } from "../tools.ts";
import { mode, system } from "../write.ts";
import { SchemaForm, Toolbox } from "./toolbox.tsx";

const LABELS: Readonly<Record<SamplingName, Key>> = {
  temperature: "temperature",
  topP: "topP",
  topK: "topK",
  presencePenalty: "presence",
  frequencyPenalty: "frequency",
  penaltyDecay: "decay",
};

export function SamplingPanel() {
  return (
    <section class="panel sampling">
      {mode.value === "chat" && (
        <>
          <h2>{t("conversation")}</h2>
          <System />
          <Template />
          <Think />
          <Toolbox />
        </>
      )}
      <h2>{t("sampling")}</h2>
      <p class="field">
        <label for="preset">{t("preset")}</label>
        <select
          id="preset"
          value={currentPreset() ?? ""}
          onChange={({ currentTarget: { value } }) => value && usePreset(value as Preset)}
        >
          <option value="">{t("presetCustom")}</option>
          {Object.keys(PRESETS).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </p>
      {FIRST.map(samplingSlider)}
      <Slider
        id="length"
        label={t("maxTokens")}
        hint={t("maxTokensHint")}
        value={maxTokens.value}
        set={(value) => (maxTokens.value = value)}
        min={8}
        max={1024}
        step={8}
      />
      <Seed />
      <Form />
      <details class="more">
        <summary>{t("more")}</summary>
        {(Object.keys(RANGES) as SamplingName[]).filter((name) => !FIRST.includes(name)).map(samplingSlider)}
      </details>
    </section>
  );
}

/** What most people change. */
const FIRST: readonly SamplingName[] = ["temperature", "topP"];

function samplingSlider(name: SamplingName) {
  return (
    <Slider
      key={name}
      id={name}
      label={t(LABELS[name])}
      hint={t(`${LABELS[name]}Hint` as Key)}
      value={sampling.value[name]}
      set={(value) => setSampling(name, value)}
      {...RANGES[name]}
    />
  );
}

interface SliderProps {
  id: string;
  label: string;
  hint: string;
  value: number;
  set: (value: number) => void;
  min: number;
  max: number;
  step: number;
}

function Slider({ id, label, hint, value, set, min, max, step }: SliderProps) {
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id}>{value}</output>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-describedby={`${id}-hint`}
        onInput={({ currentTarget }) => set(Number(currentTarget.value))}
      />
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    </div>
  );
}

function Seed() {
  return (
    <>
      <p class="field">
        <label for="seed">{t("seed")}</label>
        <input
          id="seed"
          inputMode="numeric"
          pattern="[0-9]*"
          aria-describedby="seed-hint"
          value={seed.value ?? ""}
          onInput={({ currentTarget: { value } }) => (seed.value = /^\d+$/.test(value) ? Number(value) : undefined)}
        />
      </p>
      <p class="hint" id="seed-hint">
        {t("seedHint")}
      </p>
    </>
  );
}

const FORMS: Readonly<Record<FormKind, Key>> = {
  none: "constraintNone",
  schema: "constraintSchema",
  regex: "constraintRegex",
  choices: "constraintChoices",
};

function Form() {
  const { kind, text } = form.value;
  return (
    <>
      <p class="field">
        <label for="form">{t("constraint")}</label>
        <select
          id="form"
          value={kind}
          onChange={({ currentTarget: { value } }) => (form.value = { kind: value as FormKind, text })}
        >
          {Object.entries(FORMS).map(([id, key]) => (
            <option key={id} value={id}>
              {t(key)}
            </option>
          ))}
        </select>
      </p>
      {kind === "schema" && (
        <SchemaForm label={t(FORMS[kind])} value={text || schemaOf([])} set={(text) => (form.value = { kind, text })} />
      )}
      {(kind === "regex" || kind === "choices") && (
        <textarea
          class="form-text"
          rows={4}
          spellcheck={false}
          aria-label={t(FORMS[kind])}
          value={text}
          onInput={({ currentTarget: { value } }) => (form.value = { kind, text: value })}
        />
      )}
    </>
  );
}

function Template() {
  return (
    <p class="field">
      <label for="template">{t("template")}</label>
      <select
        id="template"
        value={template.value ?? ""}
        onChange={({ currentTarget: { value } }) => (template.value = (value || undefined) as TemplateName | undefined)}
      >
        <option value="">{t("templateModel")}</option>
        {Object.keys(templates).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </p>
  );
}

function Think() {
  return (
    <>
      <p class="field">
        <label for="think">{t("think")}</label>
        <select
          id="think"
          aria-describedby="think-hint"
          value={think}
          onChange={({ currentTarget: { value } }) => {
            think.value = value as ThinkMode;
          }}
        >
          {THINK_MODES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </p>
      <p class="hint" id="think-hint">
        {t("thinkHint")}
      </p>
    </>
  );
}

function System() {
  return (
    <>
      <label class="block" for="system">
        {t("system")}
      </label>
      <textarea
        id="system"
        class="form-text"
        rows={2}
        dir="auto"
        aria-describedby="system-hint"
        value={system}
        onInput={({ currentTarget: { value } }) => (system.value = value)}
      />
      <p class="hint" id="system-hint">
        {t("systemHint")}
      </p>
    </>
  );
}
