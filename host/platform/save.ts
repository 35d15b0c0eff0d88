import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { WkvError } from "../errors.ts";

/**
 * Writes a file for Node, Deno and Bun, so that there is the old content or the new one at its path whenever the program
 * or the machine stops: the bytes go to a new file beside it and to the disk, and then the name is moved. What a kill
 * leaves behind is a file PATH.xxxxxxxx.tmp.
 * @throws WkvError `not-saved` when it cannot be written; the old file is then as it was
 */
export async function saveFile(path: string, bytes: Uint8Array): Promise<void> {
  let temporary: string | undefined;
  try {
    // A link stays a link, and a file keeps its permissions.
    const target = await fs.realpath(path).catch(() => path);
    const mode = (await fs.stat(target).catch(() => undefined))?.mode;
    temporary = `${target}.${randomBytes(4).toString("hex")}.tmp`;
    const file = await fs.open(temporary, "wx", mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (cause) {
    if (temporary) await fs.rm(temporary, { force: true }).catch(() => {});
    const reason = (cause as { code?: string }).code ?? String(cause);
    throw new WkvError(
      "not-saved",
      `${path} cannot be written (${reason}): check the path, the disk and permissions.`,
      {
        cause,
      },
    );
  }
}

/** Makes the new name last through a loss of power. Windows cannot open a folder, and does not need to. */
async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, "r").catch(() => undefined);
  try {
    await folder?.sync().catch(() => {});
  } finally {
    await folder?.close();
  }
}
