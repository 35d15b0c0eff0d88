import type { Argument, Command, Option } from "commander";
import { THINK_MODES } from "../chat/template.ts";
import { WEIGHT_FORMAT_NAMES } from "../checkpoint/weight-formats.ts";
import { PRESETS } from "../sampling/index.ts";
import { CATALOGUE } from "./catalogue.ts";
import { print } from "./output.ts";

const HELP = `
What can follow is asked of wkv itself (wkv complete), so one script serves every version.

Examples:
  $ source <(wkv completion bash)
  $ source <(wkv completion zsh)
  $ wkv completion fish > ~/.config/fish/completions/wkv.fish`;

/** The program's answers are lines of a word, a tab and what it means; ":files" says that a path is possible too. */
const SCRIPTS = {
  bash: `_wkv() {
  local line word=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <(wkv complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _wkv wkv
`,
  zsh: `#compdef wkv
_wkv() {
  local line files
  local -a found
  while IFS= read -r line; do
    if [[ $line == :files ]]; then files=1; else found+=("\${\${line//:/\\\\:}/$'\\t'/:}"); fi
  done < <(wkv complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe wkv found
  [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _wkv ]]; then _wkv "$@"; else compdef _wkv wkv; fi
`,
  fish: `function __wkv_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (wkv complete -- $words[2..] 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c wkv -f -a '(__wkv_complete)'
`,
} as const;

/** Values of options that are a few words. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "--weights": WEIGHT_FORMAT_NAMES,
  "--simd": ["plain", "relaxed"],
  "--vocab": ["world", "pile", "bytes"],
  "--preset": Object.keys(PRESETS),
  "--template": ["raven", "world", "g1"],
  "--think": THINK_MODES,
};

/** @param program with all its commands */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("Prints a script that lets a shell complete wkv's commands with Tab.")
    .addArgument(program.createArgument("<SHELL>", "which shell").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SCRIPTS) => print(SCRIPTS[shell]));
  program
    .command("complete", { hidden: true })
    .argument("[WORDS...]")
    .action((words: string[]) => print(completions(program, words).join("")));
}

interface Candidates {
  readonly words: readonly (readonly [word: string, meaning: string])[];
  readonly files?: boolean;
}

/** @param words all after "wkv", up to the one at the cursor */
function completions(program: Command, words: readonly string[]): string[] {
  const partial = words.at(-1) ?? "";
  const { words: found, files } = candidates(program, words.slice(0, -1), partial);
  const lines = found
    .filter(([word]) => word.startsWith(partial))
    .map(([word, meaning]) => `${word}\t${meaning.replaceAll(/\s+/g, " ")}\n`);
  return files ? [...lines, ":files\n"] : lines;
}

function candidates(program: Command, before: readonly string[], partial: string): Candidates {
  let command = program;
  let positionals = 0;
  let option: Option | undefined;
  for (const word of before) {
    const isValue = option !== undefined;
    option = isValue ? undefined : optionWithValue(command, word);
    const inner = isValue ? undefined : command.commands.find((each) => each.name() === word);
    if (inner) [command, positionals] = [inner, 0];
    else if (!isValue && !word.startsWith("-")) positionals++;
  }
  if (option) return valuesOf(option);
  const help = command.createHelp();
  if (partial.startsWith("-")) return { words: help.visibleOptions(command).flatMap(flags) };
  const inner = help.visibleCommands(command).map((each) => [each.name(), each.description()] as const);
  const { registeredArguments: all } = command;
  const argument = all[positionals] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined);
  if (!argument) return { words: inner };
  const own = wordsOf(argument);
  return { words: [...inner, ...own.words], ...(own.files && { files: true }) };
}

/** The option whose value comes next. */
function optionWithValue(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short, required }) => required && (long === word || short === word));
}

function valuesOf({ long, argChoices }: Option): Candidates {
  const values = argChoices ?? VALUES[long ?? ""];
  if (long === "--model") return { words: modelNames(), files: true };
  return { words: (values ?? []).map((value) => [value, ""]), files: values === undefined || long === "--vocab" };
}

function wordsOf(argument: Argument): Candidates {
  if (argument.argChoices) return { words: argument.argChoices.map((choice) => [choice, ""]) };
  return { words: /^(MODELS?|NAME|IN)$/.test(argument.name()) ? modelNames() : [], files: true };
}

function modelNames(): [string, string][] {
  const published = CATALOGUE.map(({ name, use }): [string, string] => [name, use]);
  return [["box", "comes with wkv"], ...published];
}

function flags({ long, short, description }: Option): [string, string][] {
  return [long, short].flatMap((flag): [string, string][] => (flag ? [[flag, description]] : []));
}
