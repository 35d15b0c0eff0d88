/** Serves the consumer's folder under /, the data under /data/, and takes the answers of pages. */
import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { json } from "node:stream/consumers";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** What a careful site sends: nothing inline, nothing from elsewhere, no eval. */
const STRICT = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";

export interface Server {
  readonly base: string;
  /** What the next page reports. */
  answer(): Promise<unknown>;
  close(): void;
}

/**
 * @param isolated with the two headers that let threads share memory
 * @param others headers besides, or instead of the strict policy
 */
export async function serve(
  folders: Record<string, string>,
  isolated: boolean,
  others: Readonly<Record<string, string>> = {},
): Promise<Server> {
  let take = (_: unknown) => {};
  const headers: Record<string, string> = { "content-security-policy": STRICT, ...others };
  if (isolated) {
    headers["cross-origin-opener-policy"] = "same-origin";
    headers["cross-origin-embedder-policy"] = "require-corp";
  }
  const server = createServer(async (request, response) => {
    if (request.url === "/answer") take(await json(request));
    if (request.url === "/answer") response.writeHead(204).end();
    else sendFile(folders, request, response, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: () =>
      new Promise((resolve) => {
        take = resolve;
      }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function sendFile(
  folders: Record<string, string>,
  { url = "/", headers: asked, method }: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): void {
  const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname)).replace(/\/$/, "/index.html");
  const mount = Object.keys(folders).find((prefix) => path.startsWith(prefix)) as string;
  const file = join(folders[mount] as string, path.slice(mount.length));
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    response.writeHead(404, headers).end(`${path} is not here`);
    return;
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(asked.range ?? "");
  const [start, end] = range ? [Number(range[1]), Number(range[2])] : [0, size - 1];
  response.writeHead(range ? 206 : 200, {
    ...headers,
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    "content-length": end - start + 1,
    "accept-ranges": "bytes",
    "x-size": size,
    ...(range && { "content-range": `bytes ${start}-${end}/${size}` }),
  });
  if (method === "HEAD") response.end();
  else createReadStream(file, { start, end }).pipe(response);
}
