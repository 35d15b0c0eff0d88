import { loadModel } from "wkv";
import fairy from "wkv/models/fairy/fairy.safetensors?url";
import vocab from "wkv/models/fairy/vocab.txt?url";

const element = (id) => document.getElementById(id);

async function tell(model) {
  const prompt = element("prompt").value;
  element("text").textContent = prompt;
  const session = model.createSession();
  element("stop").onclick = () => session.dispose();
  for await (const { text } of session.generate(prompt, { maxTokens: 100, seed: 7 })) element("text").append(text);
  session.dispose();
}

const model = await loadModel(await (await fetch(fairy)).blob(), { vocab });
const { threads, singleThreadReason } = model.info;
element("info").textContent = singleThreadReason ? `1 thread: ${singleThreadReason}` : `${threads} threads`;
element("go").onclick = () => tell(model);
element("go").disabled = false;
