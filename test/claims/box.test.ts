/** The model in the box can do what its card says, as int8: it looks up, remembers, calls tools and writes JSON. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadModel, type Model } from "wkv";
import { chat, createChat, type Tool } from "wkv/chat";
import { isRight, readItems, tables } from "../../tools/answers.ts";

/** Tokens of the longest prompt that is tried: seconds instead of half a minute. */
const LONGEST = 160;
/** Right answers to these, in percent, below what was measured: npm run box:eval measures all. */
const FLOORS: Record<string, number> = {
  recall: 88,
  pairs: 90,
  memory: 95,
  tools: 88,
  json: 80,
  hops: 45,
  strings: 65,
};

let box: Model;
before(async () => {
  box = await loadModel("box", { threads: 1 });
});
after(() => box.dispose());

async function answer(content: string): Promise<string | null> {
  const { message } = await chat(box, [{ role: "user", content }], { temperature: 0, maxTokens: 40 }).result();
  return message.content;
}

test("answers to the questions of eval.json are right at least as often as these floors say", async () => {
  const items = readItems().filter(({ kind, prompt_tokens }) => FLOORS[kind] && prompt_tokens <= LONGEST);
  const right: boolean[] = [];
  for (const item of items) right.push(await isRight(box, item));
  const kinds = tables(items, right).get("kind")!;
  for (const [kind, floor] of Object.entries(FLOORS)) {
    const row = kinds.get(kind)!;
    const told = `${kind}: ${row.right} of ${row.items}, at least ${floor} %`;
    assert.ok((100 * row.right) / row.items >= floor, told);
  }
});

test("a fact in a passage is looked up, before and after the question", async () => {
  const passage = "The lantern belongs to Rosa. Otto lives near the mill. The code of the tower is 4721.";
  assert.equal(await answer(`${passage}\nWhat is the code of the tower?`), "4721.");
  assert.equal(await answer(`What is the code of the tower?\n${passage}`), "4721.");
});

test("a conversation is remembered", async () => {
  const talk = await createChat(box, { temperature: 0, maxTokens: 40 });
  const said = async (content: string) => (await talk.send(content).result()).message.content;
  await said("My name is Tom.");
  await said("I have a dog called Rex.");
  assert.equal(await said("What is my name?"), "Tom.");
  assert.equal(await said("What is the name of my dog?"), "Rex.");
  talk.dispose();
});

test("a tool is called because the model wants it, and its result becomes the answer", async () => {
  const talk = await createChat(box, { temperature: 0, maxTokens: 60, tools: [WEATHER, FIND] });
  const { message } = await talk.send("Where is the lantern?").result();
  const [call] = message.tool_calls ?? [];
  assert.equal(call?.function.name, "find");
  assert.deepEqual(JSON.parse(call.function.arguments), { thing: "lantern" });
  const result = { role: "tool", tool_call_id: call.id, content: '{"place":"in the barn"}' } as const;
  assert.equal((await talk.send(result).result()).message.content, "The lantern is in the barn.");
  talk.dispose();
});

test("JSON is extracted from a sentence, without a schema", async () => {
  const asked = "Bruno is 41 years old and lives in Oslo.\nWrite JSON with the keys name, age.";
  assert.deepEqual(JSON.parse((await answer(asked))!), { name: "Bruno", age: 41 });
});

function tool(name: string, description: string, argument: string): Tool {
  const parameters = { type: "object", properties: { [argument]: { type: "string" } }, required: [argument] };
  return { type: "function", function: { name, description, parameters } };
}

const WEATHER = tool("weather", "the weather of a place", "city");
const FIND = tool("find", "finds a thing", "thing");
