import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

type Fetch = (request: Request) => Promise<Response>;

/** The built page, and the bundled model, which is in the package only once. */
const PAGE = fileURLToPath(new URL("../web/dist", import.meta.url));
const MODEL = fileURLToPath(new URL("../models/box/box.gguf", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** Let the page's threads share memory. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Tells the page that this server has models. */
const API = '<meta name="wkv-api" content="./v1">';

export function hasPage(): boolean {
  return existsSync(PAGE);
}

/** Serves the page's files, and leaves everything else to the server. */
export function withPage(fetch: Fetch): Fetch {
  const files = pageFiles();
  return async (request) => {
    const file = files.get(new URL(request.url).pathname);
    if (!file || (request.method !== "GET" && request.method !== "HEAD")) return fetch(request);
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    const content = await readFile(file);
    const body = extname(file) === ".html" ? `${content}`.replace("<head>", `<head>${API}`) : content;
    return new Response(body, { headers: { ...ISOLATED, "content-type": type } });
  };
}

/** Request paths, and the files they serve: nothing else can be requested. */
function pageFiles(): Map<string, string> {
  if (!hasPage()) return new Map();
  const files = readdirSync(PAGE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`);
  const paths = files.map((file) => [file.slice(PAGE.length).replaceAll("\\", "/"), file] as const);
  return new Map([["/", `${PAGE}/index.html`], ["/models/box.gguf", MODEL], ...paths]);
}
