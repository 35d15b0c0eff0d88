#!/usr/bin/env node
// The program `wkv`: one file per command; all errors are handled here.
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addBatch } from "./batch.ts";
import { addBench } from "./bench.ts";
import { addCache } from "./cache.ts";
import { addChat } from "./chat.ts";
import { addCompletion } from "./completion.ts";
import { addConvert } from "./convert.ts";
import { explain, Interrupted } from "./failure.ts";
import { addInspect } from "./inspect.ts";
import { addList } from "./list.ts";
import { note, printJson, watchOutput, withoutControls } from "./output.ts";
import { addPerplexity } from "./perplexity.ts";
import { addPromptCheck } from "./prompt-check.ts";
import { addPull } from "./pull.ts";
import { addRemove } from "./remove.ts";
import { addRun } from "./run.ts";
import { addServe } from "./serve.ts";
import { addShow } from "./show.ts";
import { addStart } from "./start.ts";
import { addTokenize } from "./tokenize.ts";
import { addUse } from "./use.ts";
import { addWorker } from "./worker.ts";

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
addRun(program);
addChat(program);
addInspect(program);
addTokenize(program);
addPerplexity(program);
addPromptCheck(program);
addBench(program);
addConvert(program);
addCache(program);
addList(program);
addPull(program);
addShow(program);
addUse(program);
addRemove(program);
addServe(program);
addBatch(program);
addWorker(program);
addStart(program);
addCompletion(program);

watchOutput();
try {
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
