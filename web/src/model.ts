// The open model, and how it came to be open.
import { signal } from "@preact/signals";
import { loadModel, type Model, type ModelSource, type Progress } from "wkv";
import { BOX } from "./bundled.ts";

export interface Opened {
  readonly model: Model;
  /** For people. */
  readonly name: string;
  /** Where links say it is from; undefined for a file of this device. */
  readonly address: string | undefined;
  /** Identifies the model: the hashes in a saved state. */
  readonly fingerprint: string;
  /** Whether it is the page's own. */
  readonly isBundled: boolean;
  /** To open it again, with other weights. */
  readonly source: ModelSource;
  readonly vocab: string | File | undefined;
}

export interface Loading {
  readonly name: string;
  readonly progress: Progress | undefined;
  cancel(): void;
}

export const opened = signal<Opened | undefined>(undefined);
export const loading = signal<Loading | undefined>(undefined);
/** Why the last one did not open. */
export const loadError = signal<string | undefined>(undefined);

export type Weights = "int8" | "int4" | "f32";

export interface OpenOptions {
  readonly name: string;
  readonly address?: string | undefined;
  readonly vocab?: string | File | undefined;
  readonly weights?: Weights | undefined;
}

/** Prompts that were read are kept as states, so that going back to one costs nothing. */
const PREFIX_CACHE = { maxBytes: 64e6 };

/** Of what the device says that it has, what a model may take: the browser and the system want theirs. */
const MEMORY_SHARE = 0.6;

/** Bytes that a model may take here; undefined where the device does not say, or has 8 GiB, the most that it may say. */
export function memoryLimit(): number | undefined {
  const { deviceMemory } = navigator as { deviceMemory?: number };
  return deviceMemory && deviceMemory < 8 ? deviceMemory * 2 ** 30 * MEMORY_SHARE : undefined;
}

/** Opens a model in place of the one that is open; that one stays when the new one fails or is cancelled. */
export async function openModel(source: ModelSource, options: OpenOptions): Promise<void> {
  loading.value?.cancel();
  const controller = new AbortController();
  const mine: Loading = { name: options.name, progress: undefined, cancel: () => controller.abort() };
  loading.value = mine;
  loadError.value = undefined;
  const isCurrent = () => loading.value?.cancel === mine.cancel;
  const onProgress = throttled((progress: Progress) => {
    if (isCurrent()) loading.value = { ...mine, progress };
  });
  try {
    const { weights, vocab } = options;
    const previous = opened.value;
    const limit = memoryLimit();
    const model = await loadModel(source, {
      signal: controller.signal,
      prefixCache: PREFIX_CACHE,
      onProgress,
      ...(limit && { maxBytes: limit }),
      ...(weights && { weights }),
      ...(vocab && { vocab }),
    });
    const { name, address } = options;
    const fingerprint = await fingerprintOf(model);
    opened.value = { model, name, address, fingerprint, isBundled: address === BOX.address, source, vocab };
    if (isCurrent()) loading.value = undefined;
    await previous?.model.dispose();
  } catch (error) {
    if (!controller.signal.aborted) loadError.value = messageOf(error);
  } finally {
    if (isCurrent()) loading.value = undefined;
  }
}

export function openBundled(weights?: Weights): Promise<void> {
  const { name, address } = BOX;
  return openModel(address, { name, address, weights });
}

/** Opens the model among some files; a vocabulary may be with it. */
export async function openFiles(files: Iterable<File>, weights?: Weights): Promise<void> {
  const all = [...files];
  const vocab = all.find(({ name }) => /\.(txt|json)$/i.test(name));
  const file = all.find((each) => each !== vocab);
  if (file) await openModel(file, { name: file.name, weights, vocab });
}

export function openAddress(address: string, weights?: Weights): Promise<void> {
  if (address === BOX.address) return openBundled(weights);
  return openModel(address, { name: shortName(address), address, weights });
}

/** "hf:ORG/REPO" stays as it is; of an address the file's name is enough. */
export function shortName(address: string): string {
  return address.startsWith("hf:") ? address : (address.split("/").at(-1) ?? address);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The hashes in the header of a saved state, which is a .safetensors file. */
async function fingerprintOf(model: Model): Promise<string> {
  const session = model.createSession();
  const bytes = await session.save();
  session.dispose();
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: facts } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return `${facts.norms}${facts.matrices}`;
}

/** At most one call in a frame, and the last one always. */
function throttled<T>(call: (value: T) => void): (value: T) => void {
  let latest: T;
  let waiting = false;
  return (value) => {
    latest = value;
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      call(latest);
    }, 50);
  };
}
