// Browsers: page.html?work=WORK&options=OPTIONS; the answer goes to the server, then the title says so.
import * as wkv from "./node_modules/wkv/build/browser.js";
import { works } from "./works.js";

// Tasks of more than 50 ms, in milliseconds, where a browser counts them.
const longTasks = PerformanceObserver.supportedEntryTypes.includes("longtask") ? [] : undefined;
if (longTasks)
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
    type: "longtask",
    buffered: true,
  });

const { work, options } = Object.fromEntries(new URLSearchParams(location.search));
try {
  const result = await works[work](wkv, location.origin, JSON.parse(options));
  await fetch("/answer", { method: "POST", body: JSON.stringify({ ...result, longTasks }) });
} catch (error) {
  await fetch("/answer", { method: "POST", body: JSON.stringify({ error: `${error}\n${error.stack}` }) });
}
document.title = "done";
