import { inLine } from "./output.ts";

export type Row = readonly string[];

/** Columns of equal width; two spaces before each. */
export function table(given: readonly Row[]): string {
  const rows = given.map((row) => row.map(inLine));
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => width(i));
  const line = (row: Row) => row.map((cell, i) => `  ${cell.padEnd(widths[i] ?? 0)}`).join("");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** A number of bytes in the unit that suits it. */
export function size(bytes: number): string {
  if (bytes < 1e3) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
