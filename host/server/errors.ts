import { WkvError, type WkvErrorCode } from "../errors.ts";
import { LogitsError } from "../sampling/logits.ts";

export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "not_found_error"
  | "conflict_error"
  | "rate_limit_error"
  | "timeout_error"
  | "unavailable_error"
  | "not_supported_error"
  | "server_error";

const TYPES: Readonly<Record<number, ErrorType>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  429: "rate_limit_error",
  500: "server_error",
  501: "not_supported_error",
  503: "unavailable_error",
  504: "timeout_error",
};

/** An answer that is an error, in OpenAI's shape. */
export class HttpError extends Error {
  readonly status: number;
  /** The invalid field of the request. */
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    { param = null, code = null, headers = {}, cause }: Partial<ErrorDetails> = {},
  ) {
    super(message, { cause });
    this.status = status;
    this.param = param;
    this.code = code;
    this.headers = headers;
  }

  toJSON() {
    const type = TYPES[this.status] ?? "invalid_request_error";
    return { error: { message: this.message, type, param: this.param, code: this.code } };
  }

  toResponse(): Response {
    return Response.json(this, { status: this.status, headers: this.headers });
  }
}

interface ErrorDetails {
  param: string | null;
  code: string | null;
  headers: Readonly<Record<string, string>>;
  cause: unknown;
}

/** An error about a field of the request. */
export function badField(param: string, message: string, cause?: unknown): HttpError {
  return new HttpError(400, message, { param, cause });
}

/** Library errors that the client can act on. Others are the server's: 500. */
const STATUS: Partial<Record<WkvErrorCode, number>> = {
  "bad-constraint": 400,
  "bad-state": 400,
  "bad-vocab": 400,
  "not-found": 404,
  busy: 409,
  "no-space": 503,
  "too-large": 503,
  disposed: 503,
};

/**
 * @param names library options by request field: an error about an option is reported for the field
 * @returns an error without details of the machine, which belong in the server's log
 */
export function asHttpError(error: unknown, names: ReadonlyMap<string, string> = new Map()): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof WkvError && STATUS[error.code])
    return new HttpError(STATUS[error.code]!, error.message, { code: error.code, cause: error });
  // Of other damage the message may name the server's files.
  if (error instanceof LogitsError) return new HttpError(500, error.message, { code: error.code, cause: error });
  if (isCutOff(error)) return new HttpError(400, "The body was cut off: send it again.", { cause: error });
  const [, name] = isWrongArgument(error) ? /^"([\w.[\]]+)" expected/.exec(error.message)! : [];
  if (name === undefined)
    return new HttpError(500, "The server failed: see its log. Other requests may still succeed.", {
      cause: error,
    });
  const param = names.get(name) ?? name;
  return badField(param, (error as Error).message.replace(`"${name}"`, `"${param}"`), error);
}

/** The client went away before it had sent all of its request. */
function isCutOff(error: unknown): boolean {
  return error instanceof Error && (error as Error & { code?: string }).code === "ECONNRESET";
}

function isWrongArgument(error: unknown): error is Error {
  return (error instanceof TypeError || error instanceof RangeError) && /^"[\w.[\]]+" expected/.test(error.message);
}
