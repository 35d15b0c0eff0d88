import { setTheme, type Theme, theme } from "../look.ts";
import { loading, opened } from "../model.ts";
import { isServed } from "../served.ts";
import { LANGUAGES, type Language, language, percent, setLanguage, t } from "../strings/index.ts";
import { enter, type Mode, mode } from "../write.ts";
import { showModels } from "./models.tsx";

const MODES: readonly Mode[] = [...(isServed ? (["server"] as const) : []), "write", "chat", "compare", "speed"];

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
            onClick={() => enter(name)}
          >
            {t(name)}
          </button>
        ))}
      </nav>
      {mode.value !== "server" && <ModelButton />}
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

/** A half disc, a sun, a moon. */
const ICONS: Readonly<Record<Theme, string>> = {
  auto: "M8 1.5a6.5 6.5 0 1 0 0 13z",
  light: "M8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  dark: "M13.5 9.5A6 6 0 0 1 6.5 2.5A6 6 0 1 0 13.5 9.5z",
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
      <ThemeButton />
    </div>
  );
}

/** Goes from one theme to the next. */
function ThemeButton() {
  const names = Object.keys(THEMES) as Theme[];
  const label = `${t("theme")}: ${t(THEMES[theme.value])}`;
  return (
    <button
      type="button"
      class="quiet theme"
      aria-label={label}
      title={label}
      onClick={() => setTheme(names[(names.indexOf(theme.value) + 1) % names.length]!)}
    >
      <svg width="18" height="18" viewBox="0 0 16 16" aria-hidden="true">
        {theme.value === "auto" && <circle cx="8" cy="8" r="6.5" />}
        <path d={ICONS[theme.value]} class={theme.value} />
      </svg>
    </button>
  );
}
