import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import type { Model } from "../model/model.ts";
import type { Session } from "../session/session.ts";
import { UsageError } from "./failure.ts";
import { note } from "./output.ts";

export interface StateOptions {
  state?: string;
  stateOut?: string;
  quiet?: boolean;
}

export function addStateOptions(command: Command): Command {
  return command
    .option(
      "--state <file>",
      "start from a tuned state (.pth, .st), or continue a session saved by --state-out; PROMPT is then optional",
    )
    .option("--state-out <file>", "save the session afterwards, also after Ctrl-C");
}

/** Checks in advance that the text can be saved afterwards. @throws UsageError */
export async function checkStateOut({ stateOut }: StateOptions): Promise<void> {
  if (stateOut === undefined) return;
  const folder = dirname(stateOut);
  const isFolder = await stat(folder)
    .then((found) => found.isDirectory())
    .catch(() => false);
  if (!isFolder) throw new UsageError(`--state-out: the folder ${folder} does not exist; create it first.`);
}

/**
 * A session that continues from --state, or a new one.
 * @throws WkvError `not-found`, `bad-state`
 */
export async function openSession(model: Model, { state }: StateOptions): Promise<Session> {
  if (state === undefined) return model.createSession();
  const session = model.createSession(await model.loadState(state));
  for (const warning of session.warnings) note(warning);
  return session;
}

/** Saves to --state-out, unless Ctrl-C came while the prompt was being read. @throws WkvError `not-saved` */
export async function saveSession(session: Session, { stateOut, quiet }: StateOptions): Promise<void> {
  if (stateOut === undefined) return;
  if (!(await hasRead(session))) return note(`the prompt was not read completely, so ${stateOut} was not written.`);
  await session.saveFile(stateOut);
  if (!quiet) note(`saved ${stateOut}`);
}

/** Whether the session can continue without a prompt. */
export async function hasRead(session: Session): Promise<boolean> {
  try {
    await session.feed([]);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
