import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import type { Keys } from "./auth.ts";
import { addChatRoutes } from "./chat-routes.ts";
import { addCompletionRoutes } from "./completion-routes.ts";
import { type App, type Env, httpError, type ServerContext } from "./context.ts";
import { addEmbeddingRoutes } from "./embedding-routes.ts";
import { HttpError } from "./errors.ts";
import { addOllamaRoutes, isOllama, ollamaError } from "./ollama/routes.ts";
import { addResponseRoutes } from "./responses/routes.ts";
import { addStateRoutes } from "./state-routes.ts";
import { addTokenRoutes } from "./token-routes.ts";

export interface AppOptions {
  readonly keys: Keys;
  readonly maxBodyBytes: number;
  readonly maxStateBytes: number;
  readonly cors: readonly string[];
  /** Accepted values of the Host header; undefined: any. */
  readonly hosts: readonly string[] | undefined;
  readonly metrics: boolean;
}

/** Routes without authentication. */
const PUBLIC = new Set(["/health", "/v1/health"]);
const UPLOAD = /^\/v1\/states\/[^/]+\/content$/;

export function makeApp(context: ServerContext, options: AppOptions): App {
  const app: App = new Hono<Env>();
  addGuards(app, context, options);
  app.get("/health", () => health(context));
  app.get("/v1/health", () => health(context));
  for (const path of ["/v1/models", "/models"]) app.get(path, (call) => call.json(context.models.list()));
  app.get("/v1/models/:id{.+}", (call) => call.json(modelById(context, call.req.param("id"))));
  if (options.metrics)
    app.get("/metrics", (call) =>
      call.text(String(context.metrics), 200, { "content-type": "text/plain; version=0.0.4" }),
    );
  addChatRoutes(app, context);
  addCompletionRoutes(app, context);
  addResponseRoutes(app, context);
  addOllamaRoutes(app, context);
  addEmbeddingRoutes(app, context);
  addTokenRoutes(app, context);
  addStateRoutes(app, context);
  app.notFound(({ req }) => notFound(app, req.method, req.path).toResponse());
  app.onError((error, { req }) => {
    const known = httpError(context, error);
    return isOllama(req.path) ? ollamaError(known) : known.toResponse();
  });
  return app;
}

function addGuards(app: App, { metrics, closing }: ServerContext, options: AppOptions): void {
  app.use(async (call, next) => {
    await next();
    metrics.countRequest(call.req.method, routeOf(call.req.matchedRoutes), call.res.status);
  });
  app.use(async ({ req }, next) => {
    checkHost(req.header("host"), options.hosts);
    if (closing.aborted) throw closing.reason;
    await next();
  });
  if (options.cors.length > 0) app.use(cors({ origin: [...options.cors] }));
  app.use(async (call, next) => {
    call.set("client", PUBLIC.has(call.req.path) ? "" : await options.keys.clientOf(call.req.raw));
    await next();
  });
  const [request, upload] = [options.maxBodyBytes, options.maxStateBytes].map(limit);
  app.use((call, next) => (UPLOAD.test(call.req.path) ? upload! : request!)(call, next));
}

function limit(maxSize: number) {
  const message = `The body is larger than this server's limit of ${maxSize} bytes.`;
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new HttpError(413, message);
    },
  });
}

/** DNS rebinding: another site's name may resolve to this machine; its requests then carry that name. */
function checkHost(header: string | undefined, hosts: readonly string[] | undefined): void {
  const name = header?.replace(/:\d+$/, "").toLowerCase();
  if (hosts && name !== undefined && !hosts.includes(name))
    throw new HttpError(403, "This server does not accept that host name: start it with the name as --host.");
}

function routeOf(matched: readonly { readonly path: string }[]): string {
  return matched.findLast(({ path }) => path !== "/*")?.path ?? "none";
}

/** Ready once all models are loaded. */
function health({ models }: ServerContext): Response {
  if (models.ready) return Response.json({ status: "ok" });
  models.get();
  return new HttpError(503, "A model is still being loaded.", { code: "model_not_ready" }).toResponse();
}

function modelById({ models }: ServerContext, id: string) {
  const found = models.loaded.find(({ name }) => name === id);
  if (!found) throw new HttpError(404, `There is no model "${id.slice(0, 100)}" here.`, { code: "model_not_found" });
  return models.describe(found);
}

function notFound(app: App, method: string, path: string): HttpError {
  const others = app.routes.filter((route) => route.path === path && route.method !== "ALL" && route.method !== method);
  if (others.length === 0) return new HttpError(404, `There is no ${method} ${path.slice(0, 200)} here.`);
  const allow = [...new Set(others.map((route) => route.method))].join(", ");
  return new HttpError(405, `${path} accepts ${allow}.`, { headers: { allow } });
}
