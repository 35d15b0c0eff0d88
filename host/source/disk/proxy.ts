/** Runtimes that honour the variables themselves: Deno, Bun, and Node with NODE_USE_ENV_PROXY. */
function usesProxies(): boolean {
  const { env, versions } = process;
  return "Deno" in globalThis || versions.bun !== undefined || env.NODE_USE_ENV_PROXY === "1";
}

const VARIABLES = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];

let proxied: Promise<typeof fetch> | undefined;

/**
 * A fetch that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY; undefined if none is set, or the global fetch honours
 * them.
 */
export async function proxyFetch(): Promise<typeof fetch | undefined> {
  if (usesProxies() || !VARIABLES.some((name) => process.env[name])) return undefined;
  proxied ??= import("undici").then(({ EnvHttpProxyAgent, fetch: undiciFetch }) => {
    const dispatcher = new EnvHttpProxyAgent();
    return ((url: URL, init: object) => undiciFetch(url, { ...init, dispatcher })) as unknown as typeof fetch;
  });
  return proxied;
}
