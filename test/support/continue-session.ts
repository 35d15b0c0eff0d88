// A process for bits.test.ts: `continue-session.ts MODEL OPTIONS`, with { state, tokens } as JSON on standard input,
// continues a saved session and prints the logits after the last token in base64.
import { text } from "node:stream/consumers";
import { load } from "./models.ts";

const [path = "", options = "{}"] = process.argv.slice(2);
const { state, tokens } = JSON.parse(await text(process.stdin));
const model = await load(path, { ...JSON.parse(options), threads: 2 });
const session = model.createSession(Buffer.from(state, "base64"));
const logits = await session.feed(tokens);
process.stdout.write(Buffer.from(logits.buffer).toString("base64"));
