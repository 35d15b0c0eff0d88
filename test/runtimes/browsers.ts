/** Opens a page in a browser, lets it work, closes the browser. Each gives what the page reported. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { freePort, PATIENCE_MS, type Place, retry, startGroup } from "./place.ts";

// Untyped: these are installed in this folder, and only where somebody asked for them.
const require = createRequire(import.meta.url);

const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page that is open. */
export interface Page {
  goto(url: string): Promise<unknown>;
  /** Runs an expression in the page. */
  evaluate<T>(expression: string): Promise<T>;
  /** Closes the page, and the browser if it was the first. */
  close(): Promise<void>;
  /** Another page of the same browser. */
  another?(): Promise<Page>;
  /** What went wrong so far, as its console says; WebKit's driver does not tell. */
  readonly errors?: readonly string[];
  /** A key goes down and up, as KeyboardEvent.key names it; WebKit's driver has another way. */
  press?(key: string): Promise<void>;
  /** The window's size and colours, and that its user wants little motion; Chromium alone. */
  show?(width: number, colours: "light" | "dark", motion?: "reduce"): Promise<void>;
  /** Chromium writes .webp as well as .png. */
  screenshot?(path: string): Promise<unknown>;
}

/** @param flags for the browser's command line; Chromium alone takes them */
export type OpenPage = (program: string, flags?: readonly string[]) => Promise<Page>;

export const openChromium: OpenPage = async (executablePath, flags = []) => {
  const { chromium } = require("playwright-core");
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGS, ...flags] });
  return tabs(await browser.newContext(), () => browser.close());
};

export const openFirefox: OpenPage = async (executablePath) => {
  const puppeteer = require("puppeteer-core");
  const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
  return tabs(browser, () => browser.close());
};

/** What playwright and puppeteer have in common of a page, and what playwright alone has. */
interface Driven extends Pick<Page, "goto" | "evaluate" | "close"> {
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): unknown;
  on(event: "pageerror", listener: (error: Error) => void): unknown;
  screenshot(options: { path: string }): Promise<unknown>;
  readonly keyboard: { press(key: string): Promise<void> };
  setViewportSize?(size: { width: number; height: number }): Promise<void>;
  /** Chromium's own protocol. */
  context?(): {
    newCDPSession(page: Driven): Promise<{ send(method: string, options: object): Promise<{ data: string }> }>;
  };
  emulateMedia?(options: { colorScheme: "light" | "dark"; reducedMotion?: "reduce" }): Promise<void>;
}

/** The first page of a browser that playwright or puppeteer drives. */
async function tabs(window: { newPage(): Promise<Driven> }, close: () => Promise<void>): Promise<Page> {
  const open = async (): Promise<Page> => {
    const page = await window.newPage();
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", ({ message }) => errors.push(message));
    return {
      goto: (url) => page.goto(url),
      evaluate: (code) => page.evaluate(code),
      close: () => page.close(),
      errors,
      press: (key) => page.keyboard.press(key),
      show: async (width, colorScheme, motion) => {
        await page.setViewportSize?.({ width, height: width < 600 ? 844 : 900 });
        await page.emulateMedia?.({ colorScheme, ...(motion && { reducedMotion: motion }) });
      },
      screenshot: (path) => (path.endsWith(".webp") ? webp(page, path) : page.screenshot({ path })),
    };
  };
  return { ...(await open()), close, another: open };
}

async function webp(page: Driven, path: string): Promise<void> {
  const session = await page.context!().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 85 });
  writeFileSync(path, Buffer.from(data, "base64"));
}

/** WebKitGTK's MiniBrowser, by the WebDriver protocol. Threads share memory there only if JavaScriptCore is told so. */
export const openWebKit: OpenPage = async (program) => {
  const port = await freePort();
  const driver = startGroup("xvfb-run", ["-a", "WebKitWebDriver", `--port=${port}`], process.cwd(), {
    JSC_useSharedArrayBuffer: "1",
    LC_ALL: "C", // where it is C.UTF-8, WebKit calls its language "C", which Intl refuses
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", // it needs user namespaces, which containers do not give
  });
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${port}/session${path}`, { method, body: JSON.stringify(body) });
    const { value } = (await response.json()) as { value: { error?: string; sessionId: string } };
    if (value?.error) throw new Error(JSON.stringify(value));
    return value;
  };
  const options = { binary: program, args: ["--automation"] };
  const start = () => call("POST", "", { capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options } } });
  try {
    const { sessionId } = await retry(start, driver.said);
    return {
      goto: (url) => call("POST", `/${sessionId}/url`, { url }),
      evaluate: async <T>(code: string) =>
        (await call("POST", `/${sessionId}/execute/sync`, { script: `return ${code}`, args: [] })) as T,
      close: async () => {
        await call("DELETE", `/${sessionId}`).catch(() => {});
        await driver.end();
      },
    };
  } catch (error) {
    await driver.end();
    throw error;
  }
};

/** Opens `path` of the server and returns what the page reports. */
export async function report(open: OpenPage, program: string, { server }: Place, path: string): Promise<unknown> {
  const page = await open(program);
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = server.answer();
    await page.goto(server.base + path);
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${path} reports nothing`)), PATIENCE_MS);
    });
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    await page.close();
  }
}
