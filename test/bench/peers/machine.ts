import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memory: string;
  readonly system: string;
  /** Of the last minute, when this was asked. */
  readonly load: string;
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${distribution()}${type()} ${release()}, ${arch()}`,
    load: (loadavg()[0] ?? 0).toFixed(1),
  };
}

function distribution(): string {
  try {
    const name = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
    return name ? `${name}, ` : "";
  } catch {
    return "";
  }
}
