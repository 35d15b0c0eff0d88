import type { FactsAnswer, LongAnswer, OwnAnswer, Prompt, Speed, Weights } from "./protocol.ts";

export interface Engine {
  /** Key of its measurements. */
  readonly id: string;
  /** In tables and charts. */
  readonly label: string;
  /** Child that measures it. */
  readonly script: string;
  readonly isPeer: boolean;
  readonly needsBrowser?: boolean;
  /** The file that it is measured on. */
  readonly model: string;
  readonly weights: Weights;
  /** Program that runs the child. Default: this Node. */
  readonly node?: string | undefined;
}

export interface ModelFile {
  readonly name: string;
  readonly bytes: number;
}

/** A measurement of one engine with so many threads in one round. */
export type Row<Values> = Values & { readonly engine: string; readonly threads: number; readonly round: number };

export interface Results {
  readonly engines: Engine[];
  readonly threads: readonly number[];
  readonly rounds: number;
  readonly prompt: Prompt;
  readonly decode: number;
  readonly model: FactsAnswer["info"] & { readonly files: readonly ModelFile[]; readonly isRandom: boolean };
  readonly speeds: Row<Speed>[];
  /** The same while other processes keep all cores but one busy. */
  readonly busy: Row<Speed>[];
  readonly own: Row<OwnAnswer>[];
  long?: LongAnswer & { readonly position: number; readonly threads: number };
  /** What was to be measured and was not, with the reason. */
  readonly missing: string[];
}

/** The values of one measurement, by round. */
export function pick<Values>(rows: readonly Row<Values>[], engine: string, threads: number): Map<number, Row<Values>> {
  const chosen = rows.filter((row) => row.engine === engine && row.threads === threads);
  return new Map(chosen.map((row) => [row.round, row]));
}

/** `value` of one measurement over that of another, for every round that has both. */
export function ratios<Values>(
  upper: Map<number, Row<Values>>,
  lower: Map<number, Row<Values>>,
  value: (row: Row<Values>) => number,
): number[] {
  return [...upper].flatMap(([round, row]) => {
    const other = lower.get(round);
    return other ? [value(row) / value(other)] : [];
  });
}
