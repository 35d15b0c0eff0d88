import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { dirname, join } from "node:path";
import { freePort, startGroup } from "./place.ts";

/** What a function has answered to an event. */
export interface Answer {
  readonly type: string | undefined;
  readonly pieces: readonly string[];
}

/** What Lambda tells every function of itself. */
const ENVIRONMENT = {
  AWS_LAMBDA_FUNCTION_NAME: "story",
  AWS_LAMBDA_FUNCTION_VERSION: "1",
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "1769",
  AWS_LAMBDA_LOG_GROUP_NAME: "logs",
  AWS_LAMBDA_LOG_STREAM_NAME: "log",
};

/**
 * Runs `handler.mjs` of a folder in AWS's own runtime client and hands it events, one after the other, as the service does:
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function invoke(node: string, client: string, folder: string, events: readonly object[]) {
  const port = await freePort();
  const { server, answers } = serveEvents(events);
  server.listen(port, "127.0.0.1");
  const group = startGroup(node, [copyClient(client, folder)], folder, {
    ...ENVIRONMENT,
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
    AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: "true",
    LAMBDA_TASK_ROOT: folder,
    _HANDLER: "handler.handler",
  });
  const ended = new Promise<never>((_, reject) => {
    group.child.on("exit", (code) => reject(new Error(`the function ended with ${code}:\n${group.said()}`)));
  });
  try {
    return await Promise.race([answers, ended]);
  } finally {
    await group.end();
    server.closeAllConnections();
    server.close();
  }
}

/** The runtime API. After the last event the function waits for another one, as a warm one does. */
function serveEvents(events: readonly object[]) {
  const server = createServer();
  const answers = new Promise<Answer[]>((resolve) => {
    const left = [...events];
    const answers: Answer[] = [];
    server.on("request", async (request, response) => {
      if (request.method === "GET") {
        const event = left.shift();
        if (!event) return;
        response.setHeader("Lambda-Runtime-Aws-Request-Id", `request-${left.length}`);
        response.setHeader("Lambda-Runtime-Deadline-Ms", Date.now() + 60_000);
        response.setHeader("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:0:function:story");
        response.end(JSON.stringify(event));
        return;
      }
      answers.push({ type: request.headers["content-type"], pieces: await piecesOf(request) });
      response.writeHead(202).end();
      if (answers.length === events.length) resolve(answers);
    });
  });
  return { server, answers };
}

async function piecesOf(request: IncomingMessage): Promise<string[]> {
  const pieces: string[] = [];
  request.setEncoding("utf8");
  for await (const piece of request) pieces.push(piece);
  return pieces;
}

/**
 * The client without its part in C++, which npm would build: AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1 has events
 * fetched by JavaScript instead, which also sends streams. It is imported all the same.
 * @returns the program
 */
function copyClient(client: string, folder: string): string {
  const copy = join(folder, "aws-lambda-ric");
  cpSync(dirname(client), copy, { recursive: true });
  const native = join(copy, "rapid-client.node");
  mkdirSync(native);
  writeFileSync(join(native, "package.json"), JSON.stringify({ main: "unused.cjs" }));
  writeFileSync(join(native, "unused.cjs"), "");
  return join(copy, "index.mjs");
}
