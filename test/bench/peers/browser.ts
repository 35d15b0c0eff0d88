// A page in a headless Chromium that may use threads, with a package's files and the model.
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import type { SpeedRequest } from "./protocol.ts";

/** The part of playwright-core that is used here; it is not installed with the project. */
interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

interface Browser {
  version(): string;
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

export interface Page {
  goto(address: string): Promise<unknown>;
  evaluate<Result, Argument>(work: (argument: Argument) => Promise<Result>, argument: Argument): Promise<Result>;
}

/** llama.cpp's own clock: `predicted_ms` begins when the first of the `predicted_n` tokens is there. */
export interface Timings {
  prompt_n: number;
  prompt_ms: number;
  predicted_n: number;
  predicted_ms: number;
}

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * What `work` makes of a page that serves a package's folder at / and the model at /model; `chromium` is its version.
 * Functions that run in the page may hold no functions: what compiles them would wrap those in helpers that the page has
 * not.
 */
export async function withPage<Result>(
  request: SpeedRequest,
  packageName: string,
  work: (page: Page, chromium: string) => Promise<Result>,
): Promise<Result> {
  const entry = pathToFileURL(join(request.peers, "node_modules/playwright-core/index.mjs"));
  const { chromium }: Playwright = await import(entry.href);
  const browser = await chromium.launch({ executablePath: request.chromium ?? "", args: ARGUMENTS });
  try {
    const page = await browser.newPage();
    const server = await serve(request, packageName);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return await work(page, browser.version());
  } finally {
    await browser.close();
  }
}

/** The page, the package's files and the model, with the headers that let a page have threads. */
function serve({ model, peers }: SpeedRequest, packageName: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    if (path === "/") send(response, "text/html").end("<!doctype html><title>bench</title>");
    else sendFile(response, path === "/model" ? model : join(peers, "node_modules", packageName, path));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function sendFile(response: ServerResponse, file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    response.writeHead(404).end();
    return;
  }
  const types: Record<string, string> = { ".js": "text/javascript", ".wasm": "application/wasm" };
  createReadStream(file).pipe(send(response, types[extname(file)] ?? "application/octet-stream", size));
}

function send(response: ServerResponse, type: string, length?: number): ServerResponse {
  return response.writeHead(200, {
    "content-type": type,
    ...(length === undefined ? {} : { "content-length": length }),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
}
