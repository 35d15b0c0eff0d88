/** What processes take of the machine, as Linux tells in /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second, whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/** Why a test that asks for these is skipped. */
export const NOT_LINUX = process.platform !== "linux" && "Linux alone tells what processes take";

interface Process {
  readonly id: number;
  readonly program: string;
  readonly parent: number;
  readonly group: number;
  readonly cpuSeconds: number;
}

/** What a process has taken so far. */
export interface Usage {
  /** Bytes that are resident now, and the most that ever were. */
  readonly resident: number;
  readonly peak: number;
  readonly cpuSeconds: number;
}

/** The processes of a group that run a program, by their id. */
export function usageOf(program: string, group: number): Map<number, Usage> {
  const found = processes().filter((each) => each.program === program && each.group === group);
  return new Map(
    found.map(({ id, cpuSeconds }) => {
      const status = read(`/proc/${id}/status`);
      const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
      return [id, { resident: bytes("VmRSS"), peak: bytes("VmHWM"), cpuSeconds }];
    }),
  );
}

/** How many threads of a name there are in the processes that this one has started, and in those that they have. */
export function threadsNamed(name: string): number {
  const parents = new Map(processes().map(({ id, parent }) => [id, parent]));
  const isOurs = (id: number): boolean => id === process.pid || (parents.has(id) && isOurs(parents.get(id) as number));
  return [...parents.keys()]
    .filter(isOurs)
    .flatMap((id) => entries(`/proc/${id}/task`).map((thread) => read(`/proc/${id}/task/${thread}/comm`).trim()))
    .filter((found) => found === name).length;
}

function processes(): Process[] {
  return entries("/proc").flatMap((name) => {
    const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : "";
    // The program's name is in brackets, and may hold some; the times in user and kernel mode are the 14th and 15th field.
    const [, program, rest] = /^\d+ \((.*)\) (.*)/s.exec(stat) ?? [];
    if (program === undefined || rest === undefined) return [];
    const fields = rest.split(" ").map(Number);
    const cpuSeconds = ((fields[11] as number) + (fields[12] as number)) / TICKS_PER_SECOND;
    return { id: Number(name), program, parent: fields[1] as number, group: fields[2] as number, cpuSeconds };
  });
}

/** Nothing, when the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
