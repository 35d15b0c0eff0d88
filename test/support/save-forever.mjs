// Saves one of two sessions after the other to each of several files, until it is killed. Not TypeScript, so that it starts fast.
import { loadModel } from "wkv";

const [modelPath, ...paths] = process.argv.slice(2);
const model = await loadModel(modelPath, { threads: 1 });

async function sessionAfter(tokens) {
  const session = model.createSession();
  await session.feed(tokens);
  return session;
}

async function save(path) {
  const [one, other] = [await sessionAfter([1, 2, 3]), await sessionAfter([4, 5, 6, 7])];
  await one.saveFile(path);
  return async () => {
    while (true) {
      await other.saveFile(path);
      await one.saveFile(path);
    }
  };
}

const saved = await Promise.all(paths.map(save));
process.stdout.write("saved\n");
await Promise.all(saved.map((goOn) => goOn()));
