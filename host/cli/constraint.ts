import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { ConstraintSource, Whitespace } from "../constraint/index.ts";
import { textOf } from "../source/text.ts";
import { UsageError } from "./failure.ts";
import { collect } from "./options.ts";

export interface ConstraintOptions {
  schema?: string;
  whitespace?: Whitespace;
  regex?: string;
  choice?: string[];
}

export function addConstraintOptions(command: Command): Command {
  return command
    .option("--schema <json>", "the text is JSON that matches this schema: a file, or the schema itself")
    .option("--whitespace <where>", 'with --schema: "none", "space" after , and : (default), or "lines"')
    .option("--regex <expression>", "the whole text matches this")
    .option("--choice <text>", "the text is one of these; may be given several times", collect);
}

/**
 * The constraint, if one is given; validated before a model is loaded.
 * @throws UsageError; WkvError `bad-constraint`
 */
export async function readConstraint(options: ConstraintOptions): Promise<ConstraintSource | undefined> {
  const { schema, whitespace, regex, choice } = options;
  if ([schema, regex, choice].filter((given) => given !== undefined).length > 1)
    throw new UsageError("give one of --schema, --regex and --choice, not several.");
  if (whitespace !== undefined && schema === undefined) throw new UsageError("--whitespace requires --schema.");
  const source =
    schema !== undefined
      ? { schema: readSchema(schema), whitespace }
      : regex !== undefined
        ? { regex }
        : choice && { choices: choice };
  if (!source) return undefined;
  const [{ createConstraint }, { BytesTokenizer }] = await Promise.all([
    import("../constraint/index.ts"),
    import("../tokenizer/bytes.ts"),
  ]);
  createConstraint(new BytesTokenizer(), source);
  return source;
}

/** JSON begins with a brace, or is `true` or `false`; anything else is a file's path. */
function readSchema(given: string) {
  const isJson = /^\s*(\{|true\s*$|false\s*$)/.test(given);
  try {
    return JSON.parse(isJson ? given : textOf(readFileSync(given)));
  } catch (error) {
    throw new UsageError(`--schema ${isJson ? "" : `${given} `}cannot be read: ${(error as Error).message}`);
  }
}
