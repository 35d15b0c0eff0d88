import * as v from "valibot";
import { badField, HttpError } from "./errors.ts";

/**
 * The body of a request, validated.
 * @throws HttpError 415 unless it is declared as JSON (a page of another site may send plain text without preflight),
 *   400 for invalid JSON or a schema violation
 */
export async function readBody<S extends v.GenericSchema>(request: Request, schema: S): Promise<v.InferOutput<S>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/([\w.-]+\+)?json\b/i.test(type))
    throw new HttpError(415, 'The body must be JSON: send the header "content-type: application/json".');
  return checked(schema, parse(await request.text()));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HttpError(400, "The body is not valid JSON: check quotes, commas and encoding (UTF-8).", { cause });
  }
}

/** @throws HttpError 400 naming the first invalid field */
export function checked<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
  const { success, output, issues } = v.safeParse(schema, withoutNulls(value), { abortPipeEarly: true });
  if (success) return output;
  const issue = deepest(issues[0]);
  const path = pathOf(issue);
  if (!path) throw new HttpError(400, `The body expected ${expectation(issue)}, got ${issue.received}.`);
  const got = issue.received === "undefined" ? "none" : issue.received;
  throw badField(path, `"${path}" expected ${expectation(issue)}, got ${got}.`);
}

type Issue = v.BaseIssue<unknown>;

/** Of a union's issues the one that got furthest: probably the intended alternative. */
function deepest(issue: Issue): Issue {
  const inner = (issue.issues ?? []).filter((each) => each.path !== undefined);
  if (inner.length === 0) return issue;
  const [first] = inner.map(deepest);
  return { ...first!, path: [...(issue.path ?? []), ...(first!.path ?? [])] as Issue["path"] };
}

function expectation({ expected, received, kind, message }: Issue): string {
  if (received === "undefined") return "a value";
  return expected && kind === "schema" ? expected.replace(/[()]/g, "") : message;
}

/** `messages[2].content` */
function pathOf({ path }: Issue): string {
  return (path ?? []).map(({ key }, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`)).join("");
}

/** Clients send null for omitted fields. */
function withoutNulls(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}
