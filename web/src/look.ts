import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

export const theme = signal<Theme>((localStorage.getItem("theme") as Theme | null) ?? "auto");

/** Counts changes of the colours: pictures are drawn again. */
export const repaints = signal(0);

const dark = matchMedia("(prefers-color-scheme: dark)");

theme.subscribe(showTheme);
dark.addEventListener("change", showTheme);

function showTheme(): void {
  const isDark = theme.peek() === "auto" ? dark.matches : theme.peek() === "dark";
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  repaints.value = repaints.peek() + 1;
}

export function setTheme(value: Theme): void {
  theme.value = value;
  localStorage.setItem("theme", value);
}

/** A colour of the style sheet, as red, green and blue. */
export function colour(name: string): [number, number, number] {
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const hex = value.slice(1);
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}
