/** Calls of tools are valid for their schemas, whatever the model would write. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadModel, type Model } from "wkv";
import { type ChatOptions, type ChatPiece, chat, createChat, type Tool, type ToolCall } from "wkv/chat";
import { chainModel } from "../../support/chain-model.ts";
import { validator } from "../../support/constrained-text.ts";
import { FULL } from "../../support/effort.ts";
import { FAIRY } from "../../support/models.ts";
import { random } from "../../support/random.ts";
import { randomSchema } from "../../support/random-schema.ts";

let fairy: Model;
before(async () => {
  fairy = await loadModel(FAIRY, { threads: 1 });
});
after(() => fairy.dispose());

function tool(name: string, parameters?: Record<string, unknown>, strict?: boolean): Tool {
  return {
    type: "function",
    function: { name, ...(parameters && { parameters }), ...(strict === false && { strict }) },
  };
}

const WEATHER = tool("weather", { type: "object", properties: { city: { type: "string" } }, required: ["city"] });
const ASK = [{ role: "user", content: "Paris?" }] as const;

async function scripted(scripts: Parameters<typeof chainModel>[0], loops = false): Promise<Model> {
  const { model, vocab } = await chainModel(scripts, loops);
  return loadModel(model, { vocab, threads: 1 });
}

const given = (calls: readonly ToolCall[] | undefined) =>
  calls?.map(({ function: { name, arguments: json } }) => [name, JSON.parse(json)]);

test("a story teller that must call, at a high temperature, keeps to random schemas", async () => {
  const next = random(11);
  const ajv = validator();
  let called = 0;
  for (let i = 0; i < (FULL ? 30 : 8); i++) {
    const schema = randomSchema(next);
    const parameters = { type: "object", properties: { it: { $ref: "#/$defs/it" } }, required: ["it"] };
    // References are those of the function's own schema.
    const moved = JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/$defs/it/$defs/'));
    const tools = [WEATHER, tool("random", { ...parameters, $defs: { it: moved } })];
    const choice = next(2) ? "required" : { type: "function" as const, function: { name: "random" } };
    const options: ChatOptions = { tools, toolChoice: choice, temperature: 1.5, preset: undefined, topP: 1, seed: i };
    let message: Awaited<ReturnType<ReturnType<typeof chat>["result"]>>["message"];
    try {
      ({ message } = await chat(fairy, ASK, { ...options, maxTokens: 300 }).result());
    } catch (error) {
      assert.match(String(error), /matches no text:/); // the random schema contradicts itself
      continue;
    }
    assert.ok(message.tool_calls?.length, JSON.stringify(message));
    for (const call of message.tool_calls) {
      const tool = tools.find(({ function: { name } }) => name === call.function.name)!;
      if (typeof choice === "object") assert.equal(call.function.name, "random");
      const value = JSON.parse(call.function.arguments);
      assert.ok(ajv.validate(tool.function.parameters!, value), `${ajv.errorsText()} ${call.function.arguments}`);
      called++;
    }
  }
  assert.ok(called >= (FULL ? 20 : 4), `${called} calls`);
});

test("a call that has to be: the script bends where it leaves the schema", async () => {
  const json = ['\n{"na', 'me": "wea', 'ther", "argu', 'ments": {"ci', 'ty": "Paris"', ', "days": 3}}', "!!"];
  const model = await scripted({ n: json });
  const talk = await createChat(model, { template: "g1", temperature: 0, tools: [WEATHER] });
  const pieces: ChatPiece[] = [];
  for await (const piece of talk.send("Paris?", { toolChoice: "required" })) pieces.push(piece);
  assert.deepEqual(pieces.map(({ text }) => text).join(""), "");
  assert.deepEqual(given(pieces.at(-1)!.toolCalls), [["weather", { city: "Paris" }]]);
  assert.equal(pieces.at(-1)!.stop, "tool_calls");
  assert.deepEqual(talk.messages[1]!.tool_calls, pieces.at(-1)!.toolCalls);
  assert.equal(talk.messages[1]!.content, null);
  talk.dispose();
  await model.dispose();
});

test("a call that may be: text is free, and what is opened is a call to its end; results follow", async () => {
  const model = await scripted({
    ":": [" Let me `look`.\n```j", "son", '\n{"name":"rm","arguments":{}}\n``` ', "\n\nUser:"],
  });
  const talk = await createChat(model, { template: "world", temperature: 0, tools: [WEATHER] });
  const { message, stop } = await talk.send("Paris?", { maxTokens: 60 }).result();
  assert.equal(message.content, "Let me `look`.");
  const [[name, value]] = given(message.tool_calls) as [[string, { city: unknown }]];
  assert.deepEqual([name, typeof value.city, stop], ["weather", "string", "tool_calls"]);
  const result = talk.send({ role: "tool", tool_call_id: "call_0", content: "sunny" });
  assert.equal((await result.result()).message.content, "Let me `look`.");
  // Without tools the same is an answer.
  const plain = await talk.regenerate({ toolChoice: "none" }).result();
  assert.equal(plain.message.content, 'Let me `look`.\n```json\n{"name":"rm","arguments":{}}\n```');
  assert.equal(plain.stop, "stop");
  talk.dispose();
  await model.dispose();
});

test("calls without a fence, several calls, and what only looks like one", async () => {
  const scripts: [string[], string, unknown][] = [
    [[' {"na', 'me":"no', 'w","arguments":{', "}}"], "", [["now", {}]]],
    [
      ['[{"name"', ':"now","arguments":{}},{"name":"now","arguments":{}}]'],
      "",
      [
        ["now", {}],
        ["now", {}],
      ],
    ],
    [[' {"answer"', ":1}"], '{"answer":1}', undefined],
    [["[a link](", "b)"], "[a link](b)", undefined],
    [[' {"na', 'mes":[]}'], '{"names":[]}', undefined],
  ]; // prettier-ignore
  for (const [script, content, calls] of scripts) {
    const model = await scripted({ ":": script });
    const { message } = await chat(model, ASK, { temperature: 0, tools: [tool("now")], maxTokens: 90 }).result();
    assert.deepEqual([message.content ?? "", given(message.tool_calls)], [content, calls]);
    await model.dispose();
  }
});

test("a thought is free; the call after it is not", async () => {
  const model = await scripted({
    k: [">\n```json", " nothing", "</thi", "nk>\n```j", "son", "\n{}", "xx"],
  });
  const options = { template: "g1", think: "on", temperature: 0, tools: [tool("now")], maxTokens: 90 } as const;
  const { message } = await chat(model, ASK, options).result();
  assert.equal(message.reasoning, "```json nothing");
  assert.deepEqual(given(message.tool_calls), [["now", {}]]);
  await model.dispose();
});

test("no call is opened that could not be completed, and one that is too long is a text that was cut", async () => {
  const model = await scripted({ ":": [" a\n", "```json", "\n{", "xx"] }, true);
  const run = (maxTokens: number, more: object = {}) =>
    chat(model, ASK, { temperature: 0, tools: [tool("now")], maxTokens, ...more }).result();
  const few = await run(12);
  assert.deepEqual([few.stop, few.message.tool_calls], ["end", undefined]);
  assert.doesNotMatch(few.message.content!, /```json/);
  assert.deepEqual(given((await run(60)).message.tool_calls), [["now", {}]]);
  const cut = await run(12, { toolChoice: "required" });
  assert.deepEqual(
    [cut.stop, cut.message.tool_calls, cut.message.content!.slice(0, 7)],
    ["length", undefined, '{"name"'],
  );
  // It goes on to the end of the call, of which the text was a part.
  const talk = await createChat(model, { tools: [tool("now")], temperature: 0, messages: [...ASK, cut.message] });
  const rest = await talk.answer({ toolChoice: "required", maxTokens: 60 }).result();
  assert.deepEqual(given(rest.message.tool_calls), [["now", {}]]);
  assert.deepEqual(talk.messages[1], { role: "assistant", content: null, tool_calls: rest.message.tool_calls });
  await model.dispose();
});

test("a schema that is not supported is named; with strict: false any object will do", async () => {
  const parameters = { properties: { n: { multipleOf: 3 } }, required: ["n"] };
  await assert.rejects(chat(fairy, ASK, { tools: [tool("third", parameters)] }).result(), {
    code: "bad-constraint",
    message: /"multipleOf".*Fix the parameters of the function "third", or set "strict": false/s,
  });
  const options = { toolChoice: "required", maxTokens: 60, seed: 1 } as const;
  const { message } = await chat(fairy, ASK, { ...options, tools: [tool("third", parameters, false)] }).result();
  assert.ok(given(message.tool_calls)?.every(([, value]) => typeof value === "object"));
});

test("options that do not go together", () => {
  const wrong = (options: object, message: RegExp) =>
    assert.throws(() => chat(fairy, ASK, { tools: [WEATHER], ...options }), message);
  wrong(
    { toolChoice: "maybe" },
    /"toolChoice" expected auto, required, none or \{ type, function: \{ name \} \}, got "maybe"/,
  );
  wrong({ toolChoice: null }, /"toolChoice" expected auto/);
  wrong({ toolChoice: {} }, /"toolChoice" expected the name of one of the tools, got undefined/);
  wrong({ toolChoice: { type: "function", function: { name: "rm" } } }, /one of the tools, got "rm"/);
  wrong({ toolChoice: "required", tools: [] }, /"toolChoice" expected tools to choose from, got none/);
  wrong({ constraint: { choices: ["a"] } }, /"constraint" expected none if tools/);
  chat(fairy, ASK, { tools: [WEATHER], toolChoice: "none", constraint: { choices: ["a"] } });
});
