/**
 * What went wrong, for programs. The message, for people, says what to do next.
 *
 * - `bad-file`: the bytes are not in the format they claim (truncated, damaged, hostile).
 * - `unknown-format`: no reader recognises the bytes.
 * - `unsupported-model`: an intact file of a model that this engine does not run.
 * - `bad-vocab`: an unreadable vocabulary, or one of the wrong size for the model.
 * - `not-found`: a file, address or name that does not exist.
 * - `network`: a server failed, cut the connection or changed its file; a retry resumes where it stopped.
 * - `no-space`: the disk, or the browser's quota, is full.
 * - `too-large`: more memory than this machine or 32-bit WebAssembly has.
 * - `bad-constraint`: a JSON schema or regular expression that is invalid, unsupported, or matches no text.
 * - `busy`: a session that is still working on an earlier call.
 * - `bad-state`: a saved state that is damaged or belongs to another model.
 * - `not-saved`: a file could not be written; the old one is unchanged.
 * - `disposed`: a model or session used after `dispose()`.
 * - `engine`: a worker thread or the WebAssembly module failed.
 */
export type WkvErrorCode =
  | "bad-file"
  | "unknown-format"
  | "unsupported-model"
  | "bad-vocab"
  | "not-found"
  | "network"
  | "no-space"
  | "too-large"
  | "bad-constraint"
  | "busy"
  | "bad-state"
  | "not-saved"
  | "disposed"
  | "engine";

/**
 * Every error that is not the caller's own mistake (those are TypeError and RangeError) or an abort.
 * @example
 * try {
 *   await loadModel("nowhere.pth");
 * } catch (error) {
 *   if (!(error instanceof WkvError && error.code === "not-found")) throw error;
 *   console.log(error.message);
 * }
 */
export class WkvError extends Error {
  override readonly name = "WkvError";
  readonly code: WkvErrorCode;

  constructor(code: WkvErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
