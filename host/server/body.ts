import * as v from "valibot";
import { badField, HttpError } from "./errors.ts";

/**
 * The body of a request, checked.
 * @throws HttpError 415 for anything that does not say it is JSON (a page of another site may send plain text without
 *   asking the browser), 400 for what is no JSON or not as the schema says
 */
export async function readBody<S extends v.GenericSchema>(request: Request, schema: S): Promise<v.InferOutput<S>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/([\w.-]+\+)?json\b/i.test(type))
    throw new HttpError(415, 'The body is expected to be JSON: send the header "content-type: application/json".');
  return checked(schema, parse(await request.text()));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HttpError(400, "The body is not JSON: check its quotes, commas and encoding (UTF-8).", { cause });
  }
}

/** @throws HttpError 400 that names the first field that is wrong */
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

/** Of a union's issues the one that came furthest: what the value was probably meant to be. */
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

/** Clients send null for what they leave out. */
function withoutNulls(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}
