import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { startProgram } from "./cli-program.ts";

export interface ServeProgram {
  readonly child: ReturnType<typeof startProgram>;
  /** http://HOST:PORT/v1 */
  readonly base: string;
}

/** `wkv serve` in a process of its own, ready for requests. @throws Error with what it says when it ends */
export async function startServe(args: readonly string[], cwd: string): Promise<ServeProgram> {
  const child = startProgram(["serve", "--port", "0", ...args], cwd);
  return { child, base: await line(child, /OPENAI_API_BASE_URL=(\S+)\n/) };
}

/** What a program says that matches. @throws Error with all that it said when it ends before */
export function line({ stderr }: Pick<ReturnType<typeof startProgram>, "stderr">, wanted: RegExp): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const found = wanted.exec(said);
      if (found) resolve(found[1] ?? found[0]);
    });
    stderr.on("end", () => reject(new Error(said)));
  });
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
