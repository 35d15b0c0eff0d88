/** Requests to a server in the same process, each answer of which is checked against OpenAI's shapes. */
import assert from "node:assert/strict";
import type { Server } from "wkv/server";
import { checkShape } from "./openai-shapes.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON that tests look into
export type Json = any;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

const BASE = "http://localhost";

export function post(path: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Request {
  return new Request(BASE + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal && { signal }),
  });
}

export function get(path: string, headers: Record<string, string> = {}, method = "GET"): Request {
  return new Request(BASE + path, { method, headers });
}

/** Of an error the shape is checked. */
export async function reply({ fetch }: Pick<Server, "fetch">, request: Request): Promise<Reply> {
  const response = await fetch(request);
  const type = response.headers.get("content-type") ?? "";
  const body = type.includes("json") ? await response.json() : await response.text();
  if (response.status >= 400) checkShape("error", body);
  return { status: response.status, headers: response.headers, body };
}

/** The answer, which must be one. */
export async function ask(server: Pick<Server, "fetch">, path: string, body: unknown): Promise<Json> {
  const { status, body: answer } = await reply(server, post(path, body));
  assert.equal(status, 200, JSON.stringify(answer));
  if (path.endsWith("/chat/completions")) checkShape("completion", answer);
  if (path === "/v1/completions") checkShape("text", answer);
  if (path === "/v1/responses") checkShape("response", answer);
  return answer;
}

/** The chunks of a stream, and what they were followed by. */
export async function stream(server: Pick<Server, "fetch">, path: string, body: object): Promise<Json[]> {
  const response = await server.fetch(post(path, { ...body, stream: true }));
  assert.equal(response.status, 200, await (response.status === 200 ? "" : response.text()));
  assert.match(response.headers.get("content-type")!, /^text\/event-stream/);
  const events = eventsIn(await response.text());
  assert.equal(events.pop(), "[DONE]");
  const chunks = events.map((data) => JSON.parse(data));
  for (const chunk of chunks) checkShape(path.includes("chat") ? "chunk" : "text", chunk);
  return chunks;
}

/** The data of server-sent events. */
export function eventsIn(text: string): string[] {
  return text
    .split("\n\n")
    .filter((event) => event !== "" && !event.startsWith(":"))
    .map((event) => event.replace(/^(event: .*\n)?data: /, ""));
}
