// Saves one of two sessions after the other to a file, until it is killed. Not TypeScript, so that it starts fast.
import { loadModel } from "wkv";

const [modelPath, statePath] = process.argv.slice(2);
const model = await loadModel(modelPath, { threads: 1 });
const [one, other] = [model.createSession(), model.createSession()];
await one.feed([1, 2, 3]);
await other.feed([4, 5, 6, 7]);
await one.saveFile(statePath);
process.stdout.write("saved\n");
while (true) {
  await other.saveFile(statePath);
  await one.saveFile(statePath);
}
