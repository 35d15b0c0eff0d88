import { readdirSync } from "node:fs";

/** What a leak would grow, after a garbage collection. Threads and files are counted where the system lists them (Linux). */
export interface Usage {
  /** JavaScript's heap and array buffers, in MB. */
  readonly heap: number;
  /** All of the process, in MB. */
  readonly resident: number;
  readonly threads: number;
  readonly files: number;
}

/** @throws Error where `gc` is not exposed: node --expose-gc */
export async function usage(): Promise<Usage> {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("run this with node --expose-gc");
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20)); // finalizers run between turns
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const entries = (folder: string) => {
    try {
      return readdirSync(folder).length;
    } catch {
      return 0;
    }
  };
  return {
    heap: (heapUsed + arrayBuffers) / 1e6,
    resident: rss / 1e6,
    threads: entries("/proc/self/task"),
    files: entries("/proc/self/fd"),
  };
}
