// No bundler: the page imports wkv from where npm put it. Nothing here blocks the page: the model works in workers.
import { loadModel } from "./node_modules/wkv/build/browser.js";

const element = (id) => document.getElementById(id);
const fairy = new URL("./node_modules/wkv/models/fairy/", import.meta.url);

async function load() {
  const response = await fetch(new URL("fairy.safetensors", fairy));
  if (!response.ok) throw new Error(`${response.url} answers ${response.status}`);
  return loadModel(await response.blob(), { vocab: new URL("vocab.txt", fairy) });
}

async function tell(model) {
  const controller = new AbortController();
  element("stop").onclick = () => controller.abort();
  const prompt = element("prompt").value;
  element("text").textContent = prompt;
  const session = model.createSession();
  try {
    for await (const { text } of session.generate(prompt, { maxTokens: 100, seed: 7, signal: controller.signal }))
      element("text").append(text);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    session.dispose();
  }
}

try {
  const model = await load();
  const { threads, singleThreadReason } = model.info;
  element("info").textContent = singleThreadReason ? `1 thread: ${singleThreadReason}` : `${threads} threads`;
  element("go").onclick = () => tell(model);
  element("go").disabled = false;
} catch (error) {
  element("info").textContent = error.message;
}
