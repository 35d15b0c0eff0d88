import { freePort, type Group, retry, startGroup } from "./place.ts";
import { type Usage, usageOf } from "./usage.ts";

/** A worker under `wrangler dev`. */
export interface DevServer {
  readonly base: string;
  readonly inspectorPort: number;
  readonly group: Group;
}

/** Starts `wrangler dev` for the wrangler.json in `folder`, on a Node that it accepts; `flags` are V8's, for workerd. */
export async function wranglerDev(
  node: string,
  wrangler: string,
  folder: string,
  flags: readonly string[] = [],
): Promise<DevServer> {
  const port = await freePort();
  const inspectorPort = await freePort();
  const ports = ["--port", String(port), "--inspector-port", String(inspectorPort)];
  const args = [wrangler, "dev", "--ip", "127.0.0.1", ...ports];
  const group = startGroup(node, args, folder, {
    CI: "1",
    WRANGLER_SEND_METRICS: "false",
    NO_COLOR: "1",
    MINIFLARE_WORKERD_V8_FLAGS: flags.join(" "),
  });
  const base = `http://127.0.0.1:${port}`;
  try {
    await retry(async () => {
      if (!group.said().includes("Ready on")) throw new Error("wrangler is not ready");
    }, group.said);
  } catch (error) {
    await group.end();
    throw error;
  }
  return { base, inspectorPort, group };
}

/** What a Worker takes of the machine. */
export interface WorkerCost {
  /** Bytes of the workerd process that runs it: before the first request, and the most that it ever had. */
  readonly before: number;
  readonly peak: number;
  /** Seconds of CPU time of the processes of workerd: for the first request, and for each of those after it. */
  readonly firstSeconds: number;
  readonly laterSeconds: number;
}

const LATER_REQUESTS = 10;

/** Posts a prompt to a Worker again and again, the first time one that has loaded nothing. Linux only. */
export async function measureWorker({ base, group }: DevServer, prompt: string): Promise<WorkerCost> {
  const usage = () => usageOf("workerd", group.child.pid as number);
  const ask = async () => (await fetch(base, { method: "POST", body: prompt })).text();
  const seconds = (from: Map<number, Usage>, to: Map<number, Usage>, id: number) =>
    (to.get(id)?.cpuSeconds ?? 0) - (from.get(id)?.cpuSeconds ?? 0);
  const before = usage();
  await ask();
  const first = usage();
  for (let i = 0; i < LATER_REQUESTS; i++) await ask();
  const later = usage();
  const ids = [...before.keys()];
  const all = (from: Map<number, Usage>, to: Map<number, Usage>) =>
    ids.reduce((sum, id) => sum + seconds(from, to, id), 0);
  // wrangler runs another one, which passes the requests on.
  const worker = ids.sort((a, b) => seconds(before, later, b) - seconds(before, later, a))[0] as number;
  return {
    before: before.get(worker)?.resident ?? 0,
    peak: later.get(worker)?.peak ?? 0,
    firstSeconds: all(before, first),
    laterSeconds: all(first, later) / LATER_REQUESTS,
  };
}
