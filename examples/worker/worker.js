// The model, its chats and the program around them in a worker: the page receives the texts. wkv starts its threads from here.
import { loadModel } from "./node_modules/wkv/build/browser.js";
import { chat } from "./node_modules/wkv/build/browser-chat.js";

const model = loadModel(new URL("node_modules/wkv/models/box/box.gguf", import.meta.url));

onmessage = async ({ data: messages }) => {
  for await (const { text } of chat(await model, messages, { maxTokens: 60, temperature: 0 })) postMessage({ text });
  postMessage({ threads: (await model).info.threads });
};
