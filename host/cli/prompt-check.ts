import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import { checkPrompt, type Finding, fixPrompt } from "../prompt/check.ts";
import type { TemplateName } from "../prompt/formats.ts";
import { textOf } from "../source/text.ts";
import { UsageError } from "./failure.ts";
import { note, printJson, printText } from "./output.ts";
import { unescaped } from "./parse.ts";

interface PromptCheckOptions {
  check?: boolean;
  fix?: boolean;
  template?: TemplateName;
  escapes?: boolean;
  json?: boolean;
}

const HELP = `
With --check each finding is a line FILE:LINE:COLUMN: MESSAGE (RULE), with --json one array of
{"rule","message","index","length","line","column","replacement"?}; the exit code is 1 if there are any. With --fix only
the fixed prompt goes to standard output; findings that cannot be fixed go to standard error.

Examples:
  $ wkv prompt --check prompt.txt
  $ wkv prompt --check -e "User: Why is the sky blue?\\n\\nAssistant: "
  $ wkv prompt --fix - --template raven < prompt.txt > fixed.txt`;

export function addPromptCheck(program: Command): void {
  program
    .command("prompt")
    .description("Finds and fixes what breaks the model's format in a prompt.")
    .argument(
      "[FILE|TEXT]",
      "the prompt: a file if one with this name exists, else the text itself; - reads standard input",
    )
    .option("--check", "list what is wrong")
    .option("--fix", "print the fixed prompt")
    .option("--template <name>", 'the format: "raven", "world" or "g1"; default: world')
    .option("-e, --escapes", "read \\n, \\t and \\\\ in TEXT as in C")
    .option("--json", "JSON")
    .addHelpText("after", HELP)
    .action(prompt);
}

async function prompt(argument: string | undefined, options: PromptCheckOptions): Promise<void> {
  const { check, fix, template, json } = options;
  if (!check === !fix) throw new UsageError("give either --check or --fix.");
  const [given, name] = await readText(argument, options);
  const findings = checkPrompt(given, template);
  if (check) {
    await report(findings, name, json);
    if (findings.length > 0) process.exitCode = 1;
    return;
  }
  const fixed = fixPrompt(given, template);
  await (json ? printJson({ text: fixed }) : printText(fixed));
  for (const finding of checkPrompt(fixed, template)) note(describe(finding, name));
}

async function readText(argument: string | undefined, { escapes }: PromptCheckOptions): Promise<[string, string]> {
  if (argument === undefined) throw new UsageError("FILE or TEXT is missing: wkv prompt --check FILE");
  if (argument === "-") return [textOf(await buffer(process.stdin)), "stdin"];
  if (!escapes && existsSync(argument)) return [textOf(await readFile(argument)), argument];
  return [escapes ? unescaped(argument) : argument, "prompt"];
}

async function report(findings: readonly Finding[], name: string, json: boolean | undefined): Promise<void> {
  if (json) return printJson(findings);
  for (const finding of findings) await printText(`${describe(finding, name)}\n`);
}

function describe({ line, column, message, rule }: Finding, name: string): string {
  return `${name}:${line}:${column}: ${message} (${rule})`;
}
