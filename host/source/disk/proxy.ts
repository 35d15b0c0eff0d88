import { WkvError } from "../../errors.ts";

let proxied: Promise<typeof fetch> | undefined;

/**
 * A fetch that honours HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either case; undefined if none is set, or the
 * global fetch honours them.
 * @throws WkvError `network` for a proxy's address that cannot be used
 */
export async function proxyFetch(): Promise<typeof fetch | undefined> {
  if ("Deno" in globalThis || process.versions.bun !== undefined) return undefined;
  const all = proxyOf("ALL_PROXY");
  const httpProxy = proxyOf("HTTP_PROXY") ?? all;
  const httpsProxy = proxyOf("HTTPS_PROXY") ?? all ?? httpProxy;
  if (!httpProxy && !httpsProxy) return undefined;
  proxied ??= import("undici").then(({ EnvHttpProxyAgent, fetch: undiciFetch }) => {
    const dispatcher = new EnvHttpProxyAgent({ httpProxy: httpProxy ?? "", httpsProxy: httpsProxy ?? "" });
    return ((url: URL, init: object) => undiciFetch(url, { ...init, dispatcher })) as unknown as typeof fetch;
  });
  return proxied;
}

/** The address in a variable, which may lack http://. Messages leave it out: it may have a password. */
function proxyOf(name: string): string | undefined {
  const given = process.env[name.toLowerCase()] || process.env[name];
  if (!given) return undefined;
  const text = given.includes("://") ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.href;
  throw new WkvError(
    "network",
    `The proxy in ${name} ${url ? `has the protocol ${url.protocol}` : "is not an address"}: write it as http://HOST:PORT.`,
  );
}
