import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

export const theme = signal<Theme>((localStorage.getItem("theme") as Theme | null) ?? "auto");

/** Counts changes of the colours: pictures are drawn again. */
export const repaints = signal(0);

theme.subscribe((value) => {
  document.documentElement.dataset.theme = value;
  repaints.value = repaints.peek() + 1;
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaints.value++);

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
