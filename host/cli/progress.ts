import type { Progress } from "../source/progress.ts";
import { Speed } from "../source/speed.ts";

const MOST_BAR = 24;
const LEAST_BAR = 6;

/**
 * Makes lines for people of a piece of work's progress: a bar, the share, speed and time left.
 * @param work what is said while neither a download nor its check goes on
 * @param columns of the terminal; what does not fit is left out: the bar, then the speed, the amounts, the time left
 */
export function progressLines(work: string, columns = process.stderr.columns ?? 80): (progress: Progress) => string {
  const names = { download: "downloading", check: "checking", work };
  const speeds = { download: new Speed(), check: new Speed(), work: new Speed() };
  return ({ phase: phaseOrWork, loaded, total }) => {
    const phase = phaseOrWork ?? "work";
    const { bytesPerSecond, secondsLeft } = speeds[phase].at(loaded, total);
    const share = loaded / total;
    const isKnown = Number.isFinite(total);
    const percent = isKnown ? `${Math.floor(100 * share)} %`.padStart(5) : "";
    const amounts = isKnown ? `${mb(loaded)} of ${mb(total)}` : mb(loaded);
    const speed = `${mb(bytesPerSecond)}/s`;
    const left = Number.isFinite(secondsLeft) ? `${duration(secondsLeft)} left` : "";
    const room = columns - names[phase].length - 2;
    const numbers =
      [
        [percent, amounts, speed, left],
        [percent, amounts, left],
        [percent, left],
      ]
        .map((parts) => parts.filter(Boolean).join(", "))
        .find((line) => line.length <= room) ?? percent;
    return `${names[phase]} ${bar(share, room - numbers.length - 3)}${numbers}`;
  };
}

/** Empty where the share is unknown or there is no room. @param room columns, without the brackets */
function bar(share: number, room: number): string {
  const width = Math.min(MOST_BAR, room);
  if (!(share > 0) || width < LEAST_BAR) return "";
  const full = Math.round(width * Math.min(1, share));
  return `[${"█".repeat(full)}${"░".repeat(width - full)}]`;
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
