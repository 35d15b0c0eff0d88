import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { missing } from "./missing.ts";
import { freePort } from "./serve-program.ts";

/** For node:test's `skip`. */
export function missingProgram(name: string, flag: string, debian: string): string | false {
  const { error } = spawnSync(name, [flag], { stdio: "ignore" });
  return missing(!error, `there is no ${name} (Debian: apt-get install ${debian})`);
}

/** A Redis server that keeps nothing on disk. */
export async function startRedis(folder: string) {
  const port = await freePort();
  const options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  const child = spawn("redis-server", options.map(String), { stdio: "ignore" });
  await listening(port);
  const stop = async () => {
    child.kill("SIGKILL");
    await once(child, "close");
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

/** Resolves when something listens there. */
export async function listening(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(port, "127.0.0.1");
    const error = await once(socket, "connect").then(
      () => undefined,
      (cause: Error) => cause,
    );
    socket.destroy();
    if (!error) return;
    if (attempt === 200) throw error;
    await pause(25);
  }
}
