import assert from "node:assert/strict";
import type { WkvErrorCode } from "wkv";

/**
 * For assert.throws and assert.rejects: a WkvError with this code and message. By name, because the class of the build
 * and that of the sources are two.
 */
export function refused(code: WkvErrorCode, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Error, `not an error: ${error}`);
    assert.equal(error.name, "WkvError", String(error));
    assert.equal((error as Error & { code: string }).code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}
