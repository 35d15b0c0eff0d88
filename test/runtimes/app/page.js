// Browsers: page.html[?OPTIONS]; the answer goes to the server, then the title says so.
import * as wkv from "./node_modules/wkv/build/browser.js";
import { probe, speed } from "./probe.js";

// Tasks of more than 50 ms, in milliseconds, where a browser counts them.
const longTasks = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
  type: "longtask",
  buffered: true,
});

const options = decodeURIComponent(location.search.slice(1));
const base = location.origin;
try {
  const result = await (options ? speed(wkv, base, JSON.parse(options)) : probe(wkv, base));
  await fetch("/answer", { method: "POST", body: JSON.stringify({ ...result, longTasks }) });
} catch (error) {
  await fetch("/answer", { method: "POST", body: JSON.stringify({ error: `${error}\n${error.stack}` }) });
}
document.title = "done";
