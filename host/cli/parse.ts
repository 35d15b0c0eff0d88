import { InvalidArgumentError } from "commander";

/** The library reports the expected range, and names the option. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new InvalidArgumentError(`Expected a number, got "${text}".`);
  return value;
}

/** `34,105,110` or `34 105 110`. */
export function tokenIds(text: string): number[] {
  const ids = text.split(/[\s,]+/).filter((id) => id !== "");
  const wrong = ids.find((id) => !/^\d{1,10}$/.test(id));
  if (wrong !== undefined || ids.length === 0)
    throw new InvalidArgumentError(`Expected token ids such as 34,105,110, got "${wrong ?? text}".`);
  return ids.map(Number);
}

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", "\\": "\\" };

/** The escapes of `--escapes`; other backslashes are kept. */
export function unescaped(text: string): string {
  return text.replace(/\\([nrt\\])/g, (_, letter: string) => ESCAPES[letter] as string);
}

/** `94371840`, `90MB` or `1.2GB`, of thousands. */
export function bytes(text: string): number {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)\s*([MG]B)?$/i.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError(`Expected bytes such as 90MB, got "${text}".`);
  return Math.floor(Number(digits) * ({ "": 1, MB: 1e6, GB: 1e9 }[unit.toUpperCase()] ?? 1));
}
