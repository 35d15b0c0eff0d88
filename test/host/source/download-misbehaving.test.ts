/** Models from a server that misbehaves: never is half a file taken for a whole one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Progress } from "wkv";
import {
  assertFails,
  assertFetched,
  BYTES,
  bytesAsked,
  CHUNK,
  freshCache,
  get,
  serve,
  webAddress,
} from "../../support/fetching.ts";

describe("a server that misbehaves", () => {
  test("no ranges: in one go", async () => {
    const hub = await serve();
    hub.behaviour = { noRanges: true };
    await assertFetched(hub);
    await assertFetched(hub, { source: webAddress(hub) });
  });

  test("no versions, so ranges could be of two: in one go", async () => {
    const hub = await serve();
    hub.behaviour = { noVersion: true };
    await assertFetched(hub, { source: webAddress(hub) });
    assert.equal(hub.requests.filter(({ range }) => range === undefined).length, 1);
  });

  test("404, 401, 403: at once, with what to do", async () => {
    const hub = await serve();
    await assertFails(hub, "not-found", /nothing\.pth responds with 404: check the address/, {
      source: webAddress(hub, "nothing.pth"),
    });
    hub.behaviour = { token: "secret" };
    await assertFails(hub, "not-found", /responds with 401: .*HF_TOKEN/);
    hub.behaviour = { status: () => 403 };
    await assertFails(hub, "not-found", /responds with 403: .*accept the model's licence/);
    assert.equal(hub.requests.length, 4, "no second try");
  });

  test("503 and 429 for a while: tried again, but not for ever", async () => {
    const hub = await serve();
    let failures = 0;
    hub.behaviour = { status: () => [503, undefined, 429, 503][failures++] };
    await assertFetched(hub);
    hub.behaviour = { status: () => 503 };
    await assertFails(hub, "network", /responds with 503/);
  });

  test("cut after half: taken up where it broke", async () => {
    const hub = await serve();
    hub.behaviour = { cutAfter: () => CHUNK / 2 };
    await assertFetched(hub);
    assert.ok(hub.requests.some(({ range }) => range === `bytes=${CHUNK / 2}-${CHUNK - 1}`));
    assert.ok(bytesAsked(hub) < 1.6 * BYTES.length);
  });

  test("cut after half without ranges: begun again, and given up in the end", async () => {
    const hub = await serve();
    let cuts = 0;
    hub.behaviour = { noRanges: true, cutAfter: () => (cuts++ < 2 ? BYTES.length / 2 : undefined) };
    await assertFetched(hub, { source: webAddress(hub) });
    hub.behaviour = { noRanges: true, cutAfter: () => BYTES.length / 2 };
    await assertFails(hub, "network", /cannot be fetched/, { source: webAddress(hub) });
  });

  test("a new file meanwhile: begun again, never mixed", async () => {
    const hub = await serve();
    const old = BYTES.map((byte) => byte ^ 255);
    hub.files.set("model.pth", old);
    const controller = new AbortController();
    const cacheDir = freshCache();
    const source = webAddress(hub);
    const onProgress = ({ loaded }: Progress) => {
      if (loaded > BYTES.length / 2) controller.abort(new Error("enough"));
    };
    await assert.rejects(get(hub, cacheDir, { source, onProgress, signal: controller.signal }), /enough/);
    hub.files.set("model.pth", BYTES);
    await assertFetched(hub, { cacheDir, source });
  });

  test("a new file between two ranges", async () => {
    const hub = await serve();
    let requests = 0;
    hub.behaviour = { etag: () => (++requests < 5 ? '"old"' : '"new"') };
    await assertFetched(hub, { source: webAddress(hub) });
    hub.behaviour = { etag: () => `"${requests++}"` };
    await assertFails(hub, "network", /keeps changing/, { source: webAddress(hub) });
  });

  test("a wrong length", async () => {
    const hub = await serve();
    const source = webAddress(hub);
    for (const noRanges of [false, true]) {
      for (const wrongLength of [1000, -1000]) {
        hub.behaviour = { noRanges, wrongLength };
        await assertFails(hub, "network", /published/, { download: { stallAfter: 300 } });
        // What announces itself as shorter is a whole file, as far as anybody can tell who has no listing.
        if (wrongLength > 0) await assertFails(hub, "network", /./, { source, download: { stallAfter: 300 } });
      }
    }
  });

  test("other bytes than were published: nothing is kept of them", async () => {
    const hub = await serve();
    const cacheDir = freshCache();
    hub.behaviour = { corrupt: true };
    await assertFails(hub, "network", /sent bytes with SHA-256 .* was published/, { cacheDir });
    hub.behaviour = {};
    await assertFetched(hub, { cacheDir });
  });

  test("silence", async () => {
    const hub = await serve();
    hub.behaviour = { stallAfter: 0 };
    await assertFails(hub, "network", /has sent nothing for 0\.1 s/, { download: { stallAfter: 100, connections: 1 } });
  });

  test("slowness is no failure", async () => {
    const hub = await serve();
    hub.behaviour = { slow: 60 };
    await assertFetched(hub, { download: { stallAfter: 400 } });
  });

  test("compressed on the way, though nobody asked for it", async () => {
    const hub = await serve();
    hub.behaviour = { gzip: true };
    await assertFetched(hub);
    await assertFetched(hub, { source: webAddress(hub) });
    hub.behaviour = { gzip: true, cutAfter: () => 1000 };
    await assertFails(hub, "network", /./);
  });

  test("redirects to another scheme, to nowhere, and in circles", async () => {
    const hub = await serve();
    for (const target of ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x"]) {
      hub.behaviour = { redirect: () => target };
      await assertFails(hub, "network", new RegExp(`redirects to ${target.split(":")[0]}:, which is not followed`));
    }
    hub.behaviour = { redirect: (path) => path };
    await assertFails(hub, "network", /redirects more than 10 times/);
    hub.behaviour = { redirect: () => "http://127.0.0.1:1/x" };
    await assertFails(hub, "network", /127\.0\.0\.1:\d+\/.* cannot be fetched/);
  });

  test("no server at all", async () => {
    const hub = await serve();
    await hub.close();
    await assertFails(hub, "network", /cannot be fetched \(.*ECONNREFUSED.*\): check the address and the network/);
  });
});
