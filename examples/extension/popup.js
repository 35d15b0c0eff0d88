// Put the package's build/ and models/ folders into wkv/ beside this file: cp -r node_modules/wkv/{build,models} wkv/
import { loadModel } from "./wkv/build/browser.js";
import { chat } from "./wkv/build/browser-chat.js";

const answer = document.querySelector("#answer");
const file = await fetch("wkv/models/box/box.gguf"); // loadModel fetches http(s) only; an extension has its own scheme
const model = await loadModel(await file.blob());
const question = { role: "user", content: "The key is in the well. Rosa is a miller.\nWhere is the key?" };
for await (const { text } of chat(model, [question], { maxTokens: 60, temperature: 0 })) answer.append(text);
document.title = `${model.info.threads} threads`;
