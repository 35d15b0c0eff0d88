/** A server on this machine that answers as the hub does, and misbehaves on request. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

export interface HubServer {
  readonly endpoint: string;
  /** Method, path and range of every request. */
  readonly requests: { path: string; range: string | undefined; token: string | undefined }[];
  /** Bytes of files that were sent. */
  sent: number;
  /** Files of every repository; may be changed between requests. */
  readonly files: Map<string, Uint8Array>;
  behaviour: Behaviour;
  /** Gives the contents and type of any other path, such as a page's. */
  page?: (path: string) => { type: string; body: Uint8Array | string } | undefined;
  close(): Promise<void>;
}

export interface Behaviour {
  /** Gives at most so many bytes of a range. */
  shortRanges?: number;
  /** Answers with the whole file, whatever range is asked for. */
  noRanges?: boolean;
  /** No ETag and no Last-Modified. */
  noVersion?: boolean;
  /** The status of every answer with a file's bytes, while it gives one. */
  status?: (path: string) => number | undefined;
  /** Destroys the connection after so many bytes of a body. */
  cutAfter?: (path: string) => number | undefined;
  /** Sends nothing after so many bytes of a body. */
  stallAfter?: number;
  /** Milliseconds before each 64 KB. */
  slow?: number;
  /** Where a file's address redirects to. */
  redirect?: (path: string) => string | undefined;
  /** The ETag instead of the content's. */
  etag?: () => string;
  gzip?: boolean;
  /** Claims another length or total than is sent. */
  wrongLength?: number;
  /** Gives other bytes than the listing's checksum is of. */
  corrupt?: boolean;
  /** Only with this token. */
  token?: string;
  /** A listing of any kind. */
  listing?: unknown;
}

/** A page with these may share memory between threads. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export async function startHub(files: Record<string, Uint8Array>): Promise<HubServer> {
  const server = createServer((request, response) => {
    answer(hub, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hub: HubServer = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    sent: 0,
    files: new Map(Object.entries(files)),
    behaviour: {},
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return hub;
}

async function answer(hub: HubServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = decodeURIComponent(new URL(request.url ?? "/", hub.endpoint).pathname);
  const { range, authorization } = request.headers;
  hub.requests.push({ path, range, token: authorization });
  const page = hub.page?.(path);
  if (page) return void response.writeHead(200, { "content-type": page.type, ...ISOLATED }).end(page.body);
  const { behaviour } = hub;
  if (behaviour.token && authorization !== `Bearer ${behaviour.token}`) return void response.writeHead(401).end();
  if (/^\/api\/models\/[^/]+\/[^/]+\/revision\//.test(path)) return list(hub, response);
  const [, name] = /^\/(?:[^/]+\/[^/]+\/resolve\/[^/]+|web\/cdn)\/(.+)$/.exec(path) ?? [];
  const content = name === undefined ? undefined : hub.files.get(name);
  const status = behaviour.status?.(path);
  if (status !== undefined) return void response.writeHead(status, { "retry-after": "0" }).end();
  if (content === undefined) return void response.writeHead(404).end("not here");
  const target = behaviour.redirect?.(path);
  if (target !== undefined) return void response.writeHead(302, { location: target }).end();
  await sendFile(hub, path, content, range, response);
}

function list({ files, behaviour }: HubServer, response: ServerResponse): void {
  const siblings = [...files].map(([rfilename, bytes]) => {
    const isLarge = !/\.(txt|json)$/.test(rfilename);
    return { rfilename, size: bytes.length, ...(isLarge && { lfs: { sha256: sha256(bytes), size: bytes.length } }) };
  });
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(behaviour.listing ?? { sha: COMMIT, siblings }));
}

async function sendFile(
  hub: HubServer,
  path: string,
  stored: Uint8Array,
  range: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const { behaviour } = hub;
  const content = behaviour.corrupt ? corrupted(stored) : stored;
  const total = content.length + (behaviour.wrongLength ?? 0);
  const headers: Record<string, string | number> = {};
  if (!behaviour.noVersion) headers.etag = behaviour.etag?.() ?? `"${sha256(content).slice(0, 12)}"`;
  const [, first, last] = behaviour.noRanges ? [] : (/^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? []);
  let body: Uint8Array = content;
  let status = 200;
  if (first !== undefined) {
    if (Number(first) >= content.length) return void response.writeHead(416).end();
    status = 206;
    const most = behaviour.shortRanges ?? Number.POSITIVE_INFINITY;
    body = content.subarray(Number(first), Math.min(Number(last) + 1, Number(first) + most));
    headers["content-range"] = `bytes ${first}-${Number(first) + body.length - 1}/${total}`;
  }
  if (behaviour.gzip) {
    body = gzipSync(body);
    headers["content-encoding"] = "gzip";
  }
  headers["content-length"] = body.length + (status === 200 ? (behaviour.wrongLength ?? 0) : 0);
  response.writeHead(status, headers);
  await sendBody(hub, path, body, response);
}

async function sendBody(hub: HubServer, path: string, body: Uint8Array, response: ServerResponse) {
  const { cutAfter, stallAfter, slow } = hub.behaviour;
  const end = cutAfter?.(path) ?? stallAfter ?? Number.POSITIVE_INFINITY;
  for (let at = 0; at < body.length && !response.destroyed; at += 65536) {
    if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
    const piece = body.subarray(at, Math.min(at + 65536, body.length, end));
    hub.sent += piece.length;
    await new Promise((resolve) => response.write(piece, resolve));
    if (at + 65536 >= end && end < body.length) {
      if (stallAfter === undefined) response.destroy();
      return;
    }
  }
  response.end();
}

function corrupted(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[7]! ^= 1;
  return copy;
}

const digests = new WeakMap<Uint8Array, string>();

/** Computed once for an array, which nobody changes. */
export function sha256(bytes: Uint8Array): string {
  const digest = digests.get(bytes) ?? createHash("sha256").update(bytes).digest("hex");
  digests.set(bytes, digest);
  return digest;
}
