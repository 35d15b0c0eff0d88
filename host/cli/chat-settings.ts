import { Command } from "commander";
import { addTextOptions, type TextOptions } from "./options.ts";
import { checkTextOptions } from "./text.ts";

/** What /set changes: the text options, under their command-line names. */
export const SETTINGS: readonly string[] = textOptions().options.map(({ long = "" }) => long.replace(/^--/, ""));

/**
 * Parses one of them, from `temperature 0.5`.
 * @throws CommanderError, RangeError, TypeError
 */
export function readSetting(given: string): TextOptions {
  const [, name = "", value = ""] = /^(\S*)\s*(.*)$/s.exec(given) ?? [];
  const command = textOptions().parse([`--${name}`, ...(value ? [value] : [])], { from: "user" });
  const setting = command.opts<TextOptions>();
  checkTextOptions(setting);
  return setting;
}

function textOptions(): Command {
  const command = new Command()
    .exitOverride()
    .configureOutput({ writeErr() {} })
    .helpOption(false);
  addTextOptions(command);
  return command;
}
