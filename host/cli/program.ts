// The program `wkv`: one file per command; all errors are handled here.
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { explain, Interrupted } from "./failure.ts";
import { note, printJson, watchOutput, withoutControls } from "./output.ts";
import { addRun } from "./run.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

const program = new Command("wkv")
  .description("Runs RWKV language models on any processor that runs WebAssembly.")
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(withoutControls(text.replace(/^error: /, "wkv: "))) })
  .addHelpText(
    "after",
    `
Models are .pth, .safetensors, .gguf and rwkv.cpp .bin files of RWKV-4, 5, 6 and 7, as published: a path, an address,
or hf:ORG/REPO[/FILE or :Q8_0][@REVISION]; remote models are downloaded once and cached. wkv list shows models by name.

Examples:
  $ wkv run model.pth "Once upon a time"
  $ wkv chat model.pth
  $ wkv inspect model.pth
  $ wkv tokenize "Once upon a time" --model model.pth
  $ wkv serve model.pth
  $ wkv run --help

Exit codes: 0 success, 1 a problem with a file or the machine, 2 wrong usage, 130 Ctrl-C.`,
  );

watchOutput();
try {
  addRun(program);
  // The text of `wkv run` should begin soon, and the code of all other commands takes 60 ms to load.
  if (process.argv[2] !== "run") (await import("./commands.ts")).addCommands(program);
  await program.parseAsync();
} catch (error) {
  process.exitCode = await fail(error);
}

/** Reports an error; returns the exit code. */
async function fail(error: unknown): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return 0; // --help, --version
  const { code, message, exitCode } = explain(error);
  const said = error instanceof CommanderError || error instanceof Interrupted;
  if (!said) note(message);
  if (process.argv.includes("--json") && !(error instanceof Interrupted && error.reported))
    await printJson({ error: { code, message } });
  return exitCode;
}
