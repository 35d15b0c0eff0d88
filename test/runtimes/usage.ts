import { readdirSync, readFileSync } from "node:fs";

/** What a process has taken so far. */
export interface Usage {
  /** Bytes that are resident now, and the most that ever were. */
  readonly resident: number;
  readonly peak: number;
  readonly cpuSeconds: number;
}

/** Linux counts processor time in hundredths of a second, whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/** The processes of a group that run a program, by their id. Linux alone tells. */
export function usageOf(program: string, group: number): Map<number, Usage> {
  const found = new Map<number, Usage>();
  for (const id of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number))
    try {
      const stat = readFileSync(`/proc/${id}/stat`, "utf8");
      const end = stat.lastIndexOf(")"); // of the program's name, which comes second
      // state, parent, group, ...; the times in user and kernel mode are the 14th and 15th field of all.
      const fields = stat.slice(end + 2).split(" ");
      if (stat.slice(stat.indexOf("(") + 1, end) !== program || Number(fields[2]) !== group) continue;
      const status = readFileSync(`/proc/${id}/status`, "utf8");
      const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
      const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      found.set(id, { resident: bytes("VmRSS"), peak: bytes("VmHWM"), cpuSeconds });
    } catch (error) {
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error; // it has ended
    }
  return found;
}
