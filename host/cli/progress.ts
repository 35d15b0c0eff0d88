import type { Progress } from "../source/progress.ts";

/** One line for people. @param work the label outside of downloads and their checks */
export function progressText(
  { phase, loaded, total, bytesPerSecond = 0, secondsLeft = Infinity }: Progress,
  work: string,
): string {
  const percent = `${Math.floor((100 * loaded) / total)} %`;
  if (phase === "check") return `checking ${percent}`;
  const left = Number.isFinite(secondsLeft) ? `, ${duration(secondsLeft)} left` : "";
  if (phase !== "download") return `${work} ${percent}${left}`;
  const share = Number.isFinite(total) ? `${percent}, ${mb(loaded)} of ${mb(total)}` : mb(loaded);
  return `downloading ${share}, ${mb(bytesPerSecond)}/s${left}`;
}

/** Seconds that the rest of a job takes at the speed so far, which is nothing to go by at its beginning. */
export function secondsLeft(start: number, { loaded, total }: Progress): number {
  const seconds = (performance.now() - start) / 1000;
  return seconds < 3 ? Infinity : (seconds * (total - loaded)) / loaded;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `7 s`, `3 min 20 s`, `2 h 5 min` */
function duration(seconds: number): string {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
