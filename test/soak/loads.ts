// node --expose-gc --import tsx test/soak/loads.ts COUNT: models loaded, used and disposed of, some of them while they compute. Prints what
// the process holds after a tenth of them and at the end.
import { loadModel } from "wkv";
import { committed } from "../support/models.ts";
import { usage } from "./memory.ts";

const count = Number(process.argv[2]);
const FILES = ["q7.zip.pth", "q6.pth", "s4.bf16.safetensors", "s52.f16.pth"].map(committed);
let early = await usage();
for (let i = 1; i <= count; i++) {
  const model = await loadModel(FILES[i % FILES.length] as string, {
    threads: 1 + (i % 3),
    weights: i % 2 === 0 ? "int8" : "f32",
    vocab: null,
    ...(i % 5 === 0 ? { prefixCache: { maxBytes: 1e6 } } : {}),
  });
  const session = model.createSession();
  const feeding = session.feed([1, 2, 3]);
  if (i % 3 === 0)
    feeding.catch(() => {}); // disposed of while it computes
  else {
    await feeding;
    session.fork(); // left to the model
  }
  await model.dispose();
  if (i === Math.ceil(count / 10)) early = await usage();
}
console.log(JSON.stringify({ count, early, late: await usage() }));
