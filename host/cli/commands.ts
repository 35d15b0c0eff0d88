import type { Command } from "commander";
import { addBatch } from "./batch.ts";
import { addBench } from "./bench.ts";
import { addCache } from "./cache.ts";
import { addChat } from "./chat.ts";
import { addCompletion } from "./completion.ts";
import { addConvert } from "./convert.ts";
import { addInspect } from "./inspect.ts";
import { addList } from "./list.ts";
import { addPerplexity } from "./perplexity.ts";
import { addPromptCheck } from "./prompt-check.ts";
import { addPull } from "./pull.ts";
import { addRemove } from "./remove.ts";
import { addServe } from "./serve.ts";
import { addShow } from "./show.ts";
import { addStart } from "./start.ts";
import { addTokenize } from "./tokenize.ts";
import { addUse } from "./use.ts";
import { addWorker } from "./worker.ts";

/** All commands but `wkv run`, in the order of the help. */
export function addCommands(program: Command): void {
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
}
