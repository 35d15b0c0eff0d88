/** The sampling options of `wkv run`: they do what the library's do, and wrong ones are refused. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type GenerateOptions, loadModel, type Model } from "wkv";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { ndjson, runProgram } from "../../support/cli-program.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const MODEL = syntheticModel({ layers: 1, width: 64, headSize: 32, vocabSize: 256 });

const folder = tempFolder("cli");
let model: Model;
before(async () => {
  await writeFile(join(folder, "model.safetensors"), MODEL);
  model = await loadModel(MODEL, { threads: 1 });
});
after(() => model.dispose());

const run = (args: string[]) => runProgram(["run", "model.safetensors", "12 ab", ...args], folder);

async function tokensOfProgram(args: string[]): Promise<number[]> {
  const { stdout, stderr, code } = await run(["--json", "-n", "24", "--seed", "5", ...args]);
  assert.equal(code, 0, stderr);
  return ndjson(stdout)
    .slice(0, -1)
    .map(({ token }) => token);
}

async function tokensOfLibrary(options: GenerateOptions): Promise<number[]> {
  const tokens: number[] = [];
  for await (const { token } of model.createSession().generate("12 ab", { maxTokens: 24, seed: 5, ...options }))
    tokens.push(token);
  return tokens;
}

const OPTIONS: [args: string, options: GenerateOptions][] = [
  ["--top-p 1 --min-p 0.3", { topP: 1, minP: 0.3 }],
  ["--top-p 1 --top-a 0.9", { topP: 1, topA: 0.9 }],
  ["--top-p 1 --typical 0.2", { topP: 1, typical: 0.2 }],
  ["--mirostat-tau 3 --mirostat-eta 0.5", { mirostatTau: 3, mirostatEta: 0.5 }],
  ["--presence-penalty 9 --top-k 2", { presencePenalty: 9, topK: 2 }],
  ["--frequency-penalty 3 --penalty-decay 0.5", { frequencyPenalty: 3, penaltyDecay: 0.5 }],
  ["--frequency-penalty 3 --penalty-exempt 1,2,3", { frequencyPenalty: 3, penaltyExempt: [1, 2, 3] }],
  ["--repetition-penalty 3", { repetitionPenalty: 3 }],
  ["--logit-bias 65:4 --logit-bias 66=3.5", { logitBias: { 65: 4, 66: 3.5 } }],
  ["--banned-tokens 1,2,3", { bannedTokens: [1, 2, 3] }],
  ["--preset chat --temperature 2", { preset: "chat", temperature: 2 }],
  ["--guidance-prompt xyz --guidance-scale 3", { guidance: { prompt: "xyz", scale: 3 } }],
];

for (const [args, options] of OPTIONS)
  test(`run ${args}`, async () => {
    const tokens = await tokensOfProgram(args.split(" "));
    assert.deepEqual(tokens, await tokensOfLibrary(options));
    assert.notDeepEqual(tokens, await tokensOfLibrary({}), "the options change something");
  });

test("run --logprobs N gives the likeliest tokens", async () => {
  const { stdout } = await run(["--json", "-n", "1", "--logprobs", "2"]);
  const { logprob, topLogprobs } = JSON.parse(stdout.split("\n")[0]!);
  assert.equal(typeof logprob, "number");
  assert.deepEqual([topLogprobs.length, Object.keys(topLogprobs[0])], [2, ["token", "logprob"]]);
});

const WRONG: [args: string, message: RegExp][] = [
  ["--min-p 2", /^wkv: --min-p expected a number from 0 to 1, got 2\n$/],
  ["--typical 0", /--typical expected a number above 0 and at most 1/],
  ["--mirostat-tau 5 --top-p 0.5", /--top-p expected to be omitted with mirostat, which replaces it, got 0.5/],
  ["--mirostat-eta 1", /--mirostat-eta expected "mirostatTau" beside it/],
  ["--repetition-penalty 0", /--repetition-penalty expected a number above 0/],
  ["--preset best", /--preset expected one of pip, chat/],
  ["--logit-bias 5", /Expected a token id and a number such as 65:-2.5, got "5"/],
  ["--logit-bias 5:x", /Expected a number, got "x"/],
  ["--banned-tokens 256", /--banned-tokens expected ids from 0 to 255, got 256/],
  ["--guidance-scale 2", /--guidance-prompt and --guidance-scale must be given together/],
  ["--json --logprobs -1", /--logprobs expected true, false or a whole number >= 0, got -1/],
];

for (const [args, message] of WRONG)
  test(`run ${args} is refused`, async () => {
    const { code, stderr } = await run(args.split(" "));
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  });
