import { render } from "preact";
import "./style.css";
import { asked } from "./link.ts";
import { openAddress, openBundled, opened } from "./model.ts";
import { App } from "./parts/app.tsx";
import { stop } from "./write.ts";

render(<App />, document.getElementById("app")!);

await isolate();
const { address } = asked.value ?? {};
await (address ? openAddress(address) : openBundled());

/**
 * The service worker keeps the page for use offline. Where the server sends no isolation headers it adds them, from the
 * next load on: so there is one now, and never another.
 */
async function isolate(): Promise<void> {
  if (!import.meta.env.PROD || !navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("./sw.js");
    if (crossOriginIsolated || sessionStorage.getItem("isolating")) return;
    await navigator.serviceWorker.ready;
    sessionStorage.setItem("isolating", "yes");
    location.reload();
    await new Promise(() => {}); // nothing more happens here
  } catch {
    // Without a service worker the page runs on one thread, and says so.
  }
}

// A page that is closed gives its memory back at once; the threads would else live as long as the browser likes.
addEventListener("pagehide", (event) => {
  if (event.persisted) return;
  stop();
  void opened.value?.model.dispose();
});
