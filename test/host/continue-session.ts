// A process for bits.test.ts: `continue-session.ts MODEL THREADS`, with { state, tokens } as JSON on standard input,
// continues a saved session and prints the logits after the last token in base64.
import { text } from "node:stream/consumers";
import { load } from "./models.ts";

const [path = "", threads] = process.argv.slice(2);
const { state, tokens } = JSON.parse(await text(process.stdin));
const model = await load(path, { threads: Number(threads) });
const session = model.createSession(Buffer.from(state, "base64"));
const logits = await session.feed(tokens);
process.stdout.write(Buffer.from(logits.buffer).toString("base64"));
