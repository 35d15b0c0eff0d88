import { signal } from "@preact/signals";
import { en, type Key } from "./en.ts";
import { zh } from "./zh.ts";

export type Language = "en" | "zh";

export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", zh: "中文" };

const TABLES: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, zh };

export const language = signal<Language>(stored() ?? (navigator.language.startsWith("zh") ? "zh" : "en"));

language.subscribe((value) => {
  document.documentElement.lang = value;
});

export function setLanguage(value: Language): void {
  language.value = value;
  localStorage.setItem("language", value);
}

function stored(): Language | undefined {
  const value = localStorage.getItem("language");
  return value === "en" || value === "zh" ? value : undefined;
}

/** The sentence of a key in the chosen language, with `{name}` filled in. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return TABLES[language.value][key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** "7.5 MB" */
export function size(bytes: number): string {
  const [unit, scale] = bytes < 1e6 ? ["KB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  const value = bytes / scale;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** "2 min 5 s" */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${(whole / 3600).toFixed(1)} h`;
}

/** "12 %" */
export function percent(share: number): string {
  return `${share >= 0.0995 || share === 0 ? Math.round(100 * share) : (100 * share).toPrecision(2)} %`;
}
