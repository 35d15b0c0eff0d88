/** https with a certificate of our own: redirects to http, and a proxy. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freshCache, serve } from "../../support/fetching.ts";
import { missing } from "../../support/missing.ts";

const NAME = "hub.invalid";
const program = fileURLToPath(new URL("../../support/fetch-child.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "wkv-https-"));
after(() => rmSync(folder, { recursive: true }));
const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];

function makeCertificate(): boolean {
  const names = ["-subj", `/CN=${NAME}`, "-addext", `subjectAltName=DNS:${NAME},DNS:localhost`];
  const files = ["-keyout", keyFile, "-out", certFile];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  try {
    execFileSync("openssl", ["req", "-x509", ...kind, ...names, ...files], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket.on("error", () => {})));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const secure = (t: TestContext, listener: RequestListener) =>
  listen(t, createSecureServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, listener));

const fetchIn = (endpoint: string, env: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", program, endpoint, freshCache()], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: certFile, ...env },
  }).then(
    ({ stdout }) => stdout,
    ({ stderr }: { stderr: string }) => stderr,
  );

describe("https", { skip: missing(makeCertificate(), "openssl is not installed") }, () => {
  /** Answers as the hub does. */
  const relay = (endpoint: string): RequestListener => {
    return async ({ url = "", headers: { range } }, response) => {
      const answer = await fetch(endpoint + url, { headers: range ? { range } : {} });
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(new Uint8Array(await answer.arrayBuffer()));
    };
  };

  test("is fetched from", async (t) => {
    const hub = await serve();
    assert.match(await fetchIn(`https://localhost:${await secure(t, relay(hub.endpoint))}`), /model\.pth$/);
  });

  test("a redirect from https to http is refused", async (t) => {
    const hub = await serve();
    const port = await secure(t, ({ url }, response) =>
      response.writeHead(302, { location: `${hub.endpoint}${url}` }).end(),
    );
    assert.match(await fetchIn(`https://localhost:${port}`), /network: .* redirects to http:, which is not followed/);
    assert.deepEqual(hub.requests, []);
  });

  for (const name of ["HTTPS_PROXY", "https_proxy"])
    test(`goes through ${name}`, async (t) => {
      const hub = await serve();
      const port = await secure(t, relay(hub.endpoint));
      const asked: string[] = [];
      const proxy = createServer((_, response) => response.writeHead(405).end());
      proxy.on("connect", (request, socket: Socket) => {
        asked.push(`${request.url} ${request.headers["proxy-authorization"]}`);
        const target = connect(port, "127.0.0.1", () => {
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          target.pipe(socket).pipe(target);
        });
        for (const each of [socket, target]) each.on("error", () => target.destroy());
      });
      const address = `http://me:secret@127.0.0.1:${await listen(t, proxy)}`;
      const said = await fetchIn(`https://${NAME}`, { [name]: address, NO_PROXY: "", no_proxy: "" });
      assert.match(said, /model\.pth$/);
      assert.ok(asked.length > 0);
      const credentials = `Basic ${Buffer.from("me:secret").toString("base64")}`;
      assert.ok(
        asked.every((each) => each === `${NAME}:443 ${credentials}`),
        asked.join(),
      );
    });

  test("a proxy that is away: the message has no credentials", async () => {
    const said = await fetchIn(`https://${NAME}`, { HTTPS_PROXY: "http://me:secret@127.0.0.1:1", NO_PROXY: "" });
    assert.match(said, /network: /);
    assert.doesNotMatch(said, /secret/);
  });
});
