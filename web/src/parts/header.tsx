import { setTheme, type Theme, theme } from "../look.ts";
import { loading, opened } from "../model.ts";
import { LANGUAGES, type Language, language, percent, setLanguage, t } from "../strings/index.ts";
import { type Mode, mode, setMode } from "../write.ts";
import { showModels } from "./models.tsx";

const MODES: readonly Mode[] = ["write", "chat", "compare", "speed"];

export function Header() {
  return (
    <header class="header">
      <h1 class="mark">
        <img src="./icon.svg" alt="" width="24" height="24" />
        wkv
      </h1>
      <nav class="modes" aria-label={t("modes")}>
        {MODES.map((name) => (
          <button
            type="button"
            key={name}
            aria-current={mode.value === name ? "page" : undefined}
            onClick={() => setMode(name)}
          >
            {t(name)}
          </button>
        ))}
      </nav>
      <ModelButton />
      <Choices />
    </header>
  );
}

function ModelButton() {
  const now = opened.value;
  const { name, progress } = loading.value ?? {};
  const share = progress && Number.isFinite(progress.total) ? progress.loaded / progress.total : 0;
  return (
    <button type="button" class="model-button" aria-haspopup="dialog" onClick={() => (showModels.value = true)}>
      <span class={`dot ${loading.value ? "busy" : now ? "ready" : ""}`} />
      <span class="model-name">{name ?? now?.name ?? t("noModel")}</span>
      <span class="model-facts">{loading.value ? percent(share) : now && threadsText(now.model.info.threads)}</span>
    </button>
  );
}

export function threadsText(count: number): string {
  return count === 1 ? t("oneThread") : t("threads", { count });
}

const THEMES: Readonly<Record<Theme, "themeAuto" | "themeLight" | "themeDark">> = {
  auto: "themeAuto",
  light: "themeLight",
  dark: "themeDark",
};

function Choices() {
  return (
    <div class="choices">
      <select
        aria-label={t("language")}
        value={language.value}
        onChange={(event) => setLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label={t("theme")}
        value={theme.value}
        onChange={(event) => setTheme(event.currentTarget.value as Theme)}
      >
        {Object.entries(THEMES).map(([id, key]) => (
          <option key={id} value={id}>
            {t(key)}
          </option>
        ))}
      </select>
    </div>
  );
}
