import { parseJsonObject } from "../checkpoint/json.ts";
import { openCheckpoint, openModelFile } from "../checkpoint/open.ts";
import { WkvError } from "../errors.ts";
import type { Lora } from "../models/lora.ts";
import { checkNames } from "../options/names.ts";
import { ADAPTER_CONFIG_FILE, MAX_CONFIG_BYTES } from "../source/companions.ts";
import type { ModelSource } from "../source/open.ts";
import { readBeside, type Source } from "../source/source.ts";

/** A LoRA to be merged into a model while loading: W += scale · (alpha / rank) · B A. */
export interface LoraOptions {
  /** A trainer's output: a .pth or .safetensors file, or PEFT's folder. */
  source: ModelSource;
  /** Default: 1. */
  scale?: number | undefined;
  /**
   * The trainer's `lora_alpha`, which RWKV's trainers do not store. Default: the value in PEFT's `adapter_config.json`
   * next to the file, else the rank, so that `scale` is the whole factor.
   */
  alpha?: number | undefined;
}

const LORA_OPTIONS = { source: true, scale: true, alpha: true } as const satisfies Record<keyof LoraOptions, true>;

/** A LoRA and its open file, which the caller closes. */
export interface OpenLora extends Lora {
  readonly file: Source;
}

/** @throws TypeError or RangeError for wrong options, checked before anything is opened */
export function checkLoras(loras: readonly LoraOptions[]): void {
  if (!Array.isArray(loras)) throw new TypeError(`"lora" expected a list of { source, scale }, got ${typeof loras}`);
  for (const lora of loras) {
    checkNames(lora, LORA_OPTIONS, "lora");
    const { scale, alpha } = lora;
    if (scale !== undefined && !Number.isFinite(scale))
      throw new RangeError(`"scale" expected a finite number, got ${scale}`);
    if (alpha !== undefined && !(Number.isFinite(alpha) && alpha > 0))
      throw new RangeError(`"alpha" expected a number above 0, got ${alpha}`);
  }
}

/** @throws WkvError as for opening a model */
export async function openLora({ source, scale = 1, alpha }: LoraOptions): Promise<OpenLora> {
  const file = await openModelFile(source);
  try {
    const checkpoint = await openCheckpoint(file);
    return { file, name: file.name, checkpoint, scale, alpha: alpha ?? (await alphaBeside(file)) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** PEFT stores its settings in a separate file. */
async function alphaBeside(file: Source): Promise<number | undefined> {
  const json = await readBeside(file, ADAPTER_CONFIG_FILE, MAX_CONFIG_BYTES);
  const { lora_alpha: alpha, use_rslora: usesRoot } = ((json && parseJsonObject(json)) ?? {}) as Record<
    string,
    unknown
  >;
  if (usesRoot === true)
    throw new WkvError(
      "unsupported-model",
      `${file.name} was trained with use_rslora: give alpha explicitly, as lora_alpha times the square root of the rank.`,
    );
  return typeof alpha === "number" && alpha > 0 && Number.isFinite(alpha) ? alpha : undefined;
}
