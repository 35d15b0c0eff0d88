/** Ways to a server: credentials in an address, proxies by the usual variables, short ranges. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { diskStore } from "../../../host/source/cache/disk-store.ts";
import { fetchBytes } from "../../../host/source/net/fetch-bytes.ts";
import { fetchModel } from "../../../host/source/net/fetch-model.ts";
import { remoteSource } from "../../../host/source/net/remote-source.ts";
import { readBytes } from "../../../host/source/source.ts";
import { loadTokenizer } from "../../../host/tokenizer/index.ts";
import { assertFetched, BYTES, freshCache, get, serve, webAddress } from "../../support/fetching.ts";

describe("credentials in an address", () => {
  const withCredentials = (address: string) => address.replace("http://", "http://me:s%20ecret@");

  /** A server that wants them. */
  async function guarded(t: TestContext) {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      const isMine = request.headers.authorization === `Basic ${Buffer.from("me:s ecret").toString("base64")}`;
      if (request.url === "/away")
        response.writeHead(302, { location: `http://localhost:${(server.address() as AddressInfo).port}/x` }).end();
      else if (!isMine) response.writeHead(401).end();
      else response.end(request.url === "/vocab" ? "1 'a' 2\n" : "right");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    t.after(() => server.close());
    return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
  }

  test("are sent, and not in the address", async (t) => {
    const { address } = await guarded(t);
    const bytes = await fetchBytes(new URL(withCredentials(`${address}/file`)), 100);
    assert.equal(new TextDecoder().decode(bytes), "right");
    await assert.rejects(fetchBytes(new URL(`${address}/file`), 100), {
      code: "not-found",
      message: /responds with 401/,
    });
  });

  test("that are not percent-encoded are sent as they are", async (t) => {
    const { address, seen } = await guarded(t);
    const url = new URL(address.replace("://", "://us%er:p%zz@"));
    await assert.rejects(fetchBytes(url, 100), { code: "not-found", message: /responds with 401/ });
    assert.equal(Buffer.from(seen[0]!.split(" ")[1]!, "base64").toString(), "us%er:p%zz");
  });

  test("an address or an endpoint that is none is refused with a sentence", async () => {
    for (const source of ["https://", "http://me:secret@:1/x", "https://[x/y"])
      await assert.rejects(fetchModel(source), { code: "not-found", message: /^The address cannot be read/ });
    for (const endpoint of ["hub.example", "", "file:///tmp", "https://"])
      await assert.rejects(fetchModel("hf:org/repo", { hub: { endpoint } }), {
        code: "network",
        message: "The hub's endpoint is not an address: write it as https://HOST.",
      });
  });

  test("are not sent on to another origin", async (t) => {
    const { address, seen } = await guarded(t);
    await assert.rejects(fetchBytes(new URL(withCredentials(`${address}/away`)), 100), { code: "not-found" });
    assert.deepEqual(
      seen.map((each) => each !== undefined),
      [true, false],
    );
  });

  test("are in no message, no listing and no record", async (t) => {
    const { address } = await guarded(t);
    const hasNone = (error: Error) => !/s%20ecret|s ecret|me:/.test(String(error) + String(error.cause));
    for (const source of [
      `${withCredentials(address).replace("ecret", "ecretly")}/vocab`,
      "http://me:s%20ecret@127.0.0.1:1/x",
    ])
      await assert.rejects(loadTokenizer(source), hasNone);
    await assert.rejects(loadTokenizer(`${withCredentials(address)}/vocab`), { code: "bad-vocab" });
    await assert.rejects(loadTokenizer(`${withCredentials(address)}/vocab`), hasNone);
    const hub = await serve();
    const cacheDir = freshCache();
    await get(hub, cacheDir, { source: withCredentials(webAddress(hub)) });
    const listed = await (await diskStore(cacheDir)).list();
    assert.deepEqual(
      listed.map((each) => each.address),
      [webAddress(hub)],
    );
  });
});

describe("proxies", () => {
  const program = fileURLToPath(new URL("../../support/fetch-child.ts", import.meta.url));

  /** A proxy that takes every name to the hub. */
  async function startProxy(t: TestContext, hubPort: number) {
    const asked: string[] = [];
    const sockets: Socket[] = [];
    const proxy = createServer((_, response) => response.writeHead(405).end());
    proxy.on("connect", (request, socket: Socket) => {
      asked.push(request.url ?? "");
      const target = connect(hubPort, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      sockets.push(socket, target);
      for (const each of [socket, target]) each.on("error", () => {});
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
  }

  const fetchIn = (endpoint: string, env: Record<string, string>) =>
    promisify(execFile)(process.execPath, ["--import", "tsx", program, endpoint, freshCache()], {
      env: { ...process.env, ...env },
    });

  for (const name of ["HTTP_PROXY", "http_proxy"])
    test(name, async (t) => {
      const hub = await serve();
      const proxy = await startProxy(t, Number(new URL(hub.endpoint).port));
      const { stdout } = await fetchIn("http://hub.invalid", { [name]: proxy.url, NO_PROXY: "", no_proxy: "" });
      assert.match(stdout, /model\.pth$/);
      assert.ok(proxy.asked.length > 0 && proxy.asked.every((each) => each.startsWith("hub.invalid")));
    });

  test("ALL_PROXY, for a switch of Node's that is on, and an address without http://", async (t) => {
    const hub = await serve();
    const proxy = await startProxy(t, Number(new URL(hub.endpoint).port));
    const variables = {
      ALL_PROXY: proxy.url.slice("http://".length),
      NODE_USE_ENV_PROXY: "1",
      NO_PROXY: "",
      no_proxy: "",
    };
    const { stdout } = await fetchIn("http://hub.invalid", variables);
    assert.match(stdout, /model\.pth$/);
    assert.ok(proxy.asked.length > 0);
  });

  test("a proxy that cannot be used is refused, without its password", async () => {
    for (const wrong of ["socks5://me:secret@127.0.0.1:1", "http://me:secret@[x", "://secret"])
      await assert.rejects(fetchIn("http://hub.invalid", { HTTPS_PROXY: wrong }), ({ stdout, stderr }) => {
        assert.match(stderr, /network: The proxy in HTTPS_PROXY .*: write it as http:\/\/HOST:PORT/);
        assert.ok(!`${stdout}${stderr}`.includes("secret"));
        return true;
      });
  });

  test("NO_PROXY", async (t) => {
    const hub = await serve();
    const proxy = await startProxy(t, 1);
    const { stdout } = await fetchIn(hub.endpoint, { HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.1,localhost" });
    assert.match(stdout, /model\.pth$/);
    assert.deepEqual(proxy.asked, []);
  });
});

describe("short ranges", () => {
  test("are joined without a pause", async () => {
    const hub = await serve();
    hub.behaviour = { shortRanges: 10_000 };
    const started = performance.now();
    await assertFetched(hub, { download: { patience: 60_000 } });
    assert.ok(hub.requests.length > BYTES.length / 10_000);
    assert.ok(performance.now() - started < 30_000);
  });

  test("are joined where a model is read in ranges", async () => {
    const hub = await serve();
    hub.behaviour = { shortRanges: 3000 };
    const source = await remoteSource(webAddress(hub), { cacheDir: freshCache(), download: { patience: 60_000 } });
    assert.deepEqual(await readBytes(source!, 100, 100_000), BYTES.slice(100, 100_100));
    await source!.close();
  });
});
