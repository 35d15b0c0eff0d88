import { DEFAULT_WEIGHTS, isWeightFormat, quotedFormats } from "../checkpoint/weight-formats.ts";
import { checkNames } from "../options/names.ts";
import type { ModelSource } from "../source/open.ts";
import { CONVERT_OPTIONS, type Converted, type ConvertOptions, type ConvertTarget } from "./options.ts";

/**
 * Converts a model to one file with weights and vocabulary. Loading it gives the same bits as loading its source with
 * the same `weights`.
 * @param target a path, which at any time holds the old file or the complete new one, or a stream, which is closed at
 *   the end
 * @throws WkvError as `loadModel`, and `no-space`; TypeError and RangeError for wrong arguments; the signal's reason
 * @example
 * const { bytes } = await convertModel("box", "box-int8.safetensors", { weights: "int8" });
 * console.log(bytes);
 */
export async function convertModel(
  source: ModelSource,
  target: ConvertTarget,
  options: ConvertOptions = {},
): Promise<Converted> {
  checkNames(options, CONVERT_OPTIONS, "convertModel");
  checkOptions(target, options);
  // Loaded on demand, so that pages which convert nothing load less.
  const { convert } = await import("./job.ts");
  return convert(source, target, options);
}

function checkOptions(target: ConvertTarget, { weights, size, format, calibrate }: ConvertOptions): void {
  const isAuto = weights === "auto";
  if (weights !== undefined && weights !== "f16" && !isAuto && !isWeightFormat(weights))
    throw new RangeError(`"weights" expected ${quotedFormats("f16", "auto")}, got ${JSON.stringify(weights)}`);
  if (typeof target !== "string" && !(target instanceof URL) && !(target instanceof WritableStream))
    throw new TypeError(`"target" expected a path, URL or WritableStream, got ${typeof target}`);
  if (format !== undefined && !["safetensors", "gguf"].includes(format))
    throw new RangeError(`"format" expected "safetensors" or "gguf", got ${JSON.stringify(format)}`);
  if (size !== undefined && !(size > 0 && isAuto))
    throw new RangeError(`"size" expected a number above 0 beside weights: "auto", got ${size} beside "${weights}"`);
  if (calibrate !== undefined && weights !== "int4" && !isAuto)
    throw new RangeError(
      `"calibrate" expected weights: "int4" or "auto" beside it, got "${weights ?? DEFAULT_WEIGHTS}"`,
    );
}
