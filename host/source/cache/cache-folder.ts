import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** `wkv` in the user's cache directory. The XDG specification says to ignore a relative path. */
export async function cacheFolder(): Promise<string> {
  const configured = process.env.XDG_CACHE_HOME;
  return join(configured && isAbsolute(configured) ? configured : join(homedir(), ".cache"), "wkv");
}
