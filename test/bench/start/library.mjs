// node library.mjs BUILD MODEL: the milliseconds since the process began at which Node runs this program, the library is
// imported, the model is loaded, and the first token's logits are there.
import { pathToFileURL } from "node:url";

const [, , build, path] = process.argv;
const times = [performance.now()];
const { loadModel } = await import(`${pathToFileURL(build)}/index.js`);
times.push(performance.now());
const model = await loadModel(path);
times.push(performance.now());
await model.createSession().feed([2]);
times.push(performance.now());
process.stdout.write(JSON.stringify(times));
await model.dispose();
