import { loadModel } from "wkv";
import box from "wkv/models/box/box.gguf?url";

const [info, prompt, go, stop, text] = ["info", "prompt", "go", "stop", "text"].map((id) => document.getElementById(id));

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
    if (!controller.signal.aborted) throw error;
  } finally {
    session.dispose();
    go.disabled = false;
  }
}

const model = await loadModel(box);
const { threads, singleThreadReason } = model.info;
info.textContent = singleThreadReason ? `1 thread: ${singleThreadReason}` : `${threads} threads`;
go.onclick = () => tell(model);
go.disabled = false;
