// The service worker: keeps the page for use offline, and adds the two headers that let threads share memory where the
// server does not send them.
const worker = self as unknown as ServiceWorkerGlobalScope;

/** Files of the page; the build writes the list here. */
const FILES: readonly string[] = __FILES__;
declare const __FILES__: readonly string[];

/** The bundled models: wkv keeps them where the browser has a file system for it. */
const MODELS: readonly string[] = "getDirectory" in (worker.navigator.storage ?? {}) ? [] : __MODELS__;
declare const __MODELS__: readonly string[];

const CACHE = `wkv-page-${hashOf(FILES.join())}`;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const isOwn = new URL(request.url).origin === worker.location.origin;
  if (request.method === "GET" && isOwn && !request.headers.has("range")) event.respondWith(answer(request));
});

async function install(): Promise<void> {
  await (await caches.open(CACHE)).addAll([...FILES, ...MODELS]);
  await worker.skipWaiting();
}

async function activate(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith("wkv-page-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The page itself comes from the network where there is one; its files have their content's hash in their names. */
async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept && request.mode !== "navigate") return isolated(kept);
  try {
    return isolated(await fetch(request));
  } catch (error) {
    const page = kept ?? (request.mode === "navigate" ? await cache.match("./") : undefined);
    if (page) return isolated(page);
    throw error;
  }
}

function isolated(response: Response): Response {
  if (response.status === 0 || response.status === 304) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}
