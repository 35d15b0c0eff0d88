import { freePort, type Group, retry, startGroup } from "./place.ts";

/** A worker under `wrangler dev`. */
export interface DevServer {
  readonly base: string;
  readonly group: Group;
}

/** Starts `wrangler dev` for the wrangler.json in `folder`, on a Node that it accepts. */
export async function wranglerDev(node: string, wrangler: string, folder: string): Promise<DevServer> {
  const port = await freePort();
  const args = [wrangler, "dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"];
  const group = startGroup(node, args, folder, { CI: "1", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" });
  const base = `http://127.0.0.1:${port}`;
  try {
    await retry(async () => {
      if (!group.said().includes("Ready on")) throw new Error("wrangler is not ready");
    }, group.said);
  } catch (error) {
    await group.end();
    throw error;
  }
  return { base, group };
}
