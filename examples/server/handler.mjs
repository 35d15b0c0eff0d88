// AWS Lambda behind a function URL with InvokeMode: RESPONSE_STREAM, Node 20 or newer: a server of OpenAI's API.
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { loadModel } from "wkv";
import { createServer } from "wkv/server";

/** Loaded when the function starts, kept for every invocation. One virtual CPU comes with each 1769 MB of memory. */
const model = await loadModel(new URL(import.meta.resolve("wkv/models/box/box.gguf")));
const server = createServer(model);

function requestOf({ rawPath, rawQueryString, headers, body, isBase64Encoded, requestContext }) {
  const { method } = requestContext.http;
  const url = `https://${requestContext.domainName}${rawPath}${rawQueryString ? `?${rawQueryString}` : ""}`;
  return new Request(url, { method, headers, body: body && isBase64Encoded ? Buffer.from(body, "base64") : body });
}

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const { status, headers, body } = await server.fetch(requestOf(event));
  const head = { statusCode: status, headers: Object.fromEntries(headers) };
  const answer = awslambda.HttpResponseStream.from(stream, head);
  await pipeline(body ? Readable.fromWeb(body) : [], answer);
});
