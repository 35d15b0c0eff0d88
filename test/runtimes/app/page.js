// Browsers: page.html[?OPTIONS]; the answer goes to the server, then the title says so.
import * as wkv from "./node_modules/wkv/build/browser.js";
import { probe, speed } from "./probe.js";

const options = decodeURIComponent(location.search.slice(1));
const base = location.origin;
try {
  const result = await (options ? speed(wkv, base, JSON.parse(options)) : probe(wkv, base));
  await fetch("/answer", { method: "POST", body: JSON.stringify(result) });
} catch (error) {
  await fetch("/answer", { method: "POST", body: JSON.stringify({ error: `${error}\n${error.stack}` }) });
}
document.title = "done";
