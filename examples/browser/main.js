// No bundler: the page imports wkv from where npm put it. Nothing here blocks the page: the model works in workers.
import { loadModel } from "./node_modules/wkv/build/browser.js";

const [info, prompt, go, stop, text] = ["info", "prompt", "go", "stop", "text"].map((id) => document.getElementById(id));
const box = new URL("./node_modules/wkv/models/box/box.gguf", import.meta.url);

/** Downloaded once: from then on the browser has it. */
function load() {
  return loadModel(box, {
    onProgress: ({ phase = "load", loaded, total }) => {
      info.textContent = `${phase}: ${Math.floor((100 * loaded) / total)} %`;
    },
  });
}

async function tell(model) {
  const session = model.createSession();
  const controller = new AbortController();
  stop.onclick = () => controller.abort();
  go.disabled = true;
  text.textContent = prompt.value;
  try {
    const options = { maxTokens: 100, seed: 7, signal: controller.signal };
    for await (const piece of session.generate(prompt.value, options)) text.append(piece.text);
  } catch (error) {
    if (!controller.signal.aborted) info.textContent = error.message;
  } finally {
    session.dispose();
    go.disabled = false;
  }
}

try {
  const model = await load();
  const { threads, singleThreadReason } = model.info;
  info.textContent = singleThreadReason ? `1 thread: ${singleThreadReason}` : `${threads} threads`;
  go.onclick = () => tell(model);
  go.disabled = false;
} catch (error) {
  info.textContent = error.message;
}
