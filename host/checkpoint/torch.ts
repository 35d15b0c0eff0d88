import { WkvError } from "../errors.ts";
import type { Checkpoint, Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import type { Dtype } from "./dtypes.ts";
import type { PickleHost } from "./pickle.ts";
import { pythonObject } from "./python-objects.ts";
import { addTensor, type Extent } from "./stored.ts";
import { type View, viewProblem, viewTensor } from "./strided.ts";

/** A class of torch's storages, as the pickle names it: `torch.HalfStorage` and its like. */
class StorageKind {
  readonly torchName: string;
  /** Bytes of one value. */
  readonly unit: number;
  /** Absent for types that are not weights. */
  readonly dtype?: Dtype;

  constructor(torchName: string, unit: number, dtype?: Dtype) {
    this.torchName = torchName;
    this.unit = unit;
    this.dtype = dtype;
  }
}

/** A flat run of values of which tensors are views. The container knows where its bytes are. */
export class TorchStorage {
  readonly kind: StorageKind;
  readonly key: string;
  /** Values, not bytes. */
  readonly length: number;

  constructor(kind: StorageKind, key: string, length: number) {
    this.kind = kind;
    this.key = key;
    this.length = length;
  }

  /** Bytes. */
  get size(): number {
    return this.length * this.kind.unit;
  }
}

/** The arguments of `_rebuild_tensor_v2`: validated once the tensor's name is known, so that errors can give it. */
class TorchTensor {
  readonly args: unknown[];

  constructor(args: unknown[]) {
    this.args = args;
  }
}

/** Torch's own classes and functions in the pickle of a state dict. */
const GLOBALS = new Map<string, unknown>([
  ["torch._utils._rebuild_tensor_v2", (args: unknown[]) => new TorchTensor(args)],
  ["torch._utils._rebuild_parameter", (args: unknown[]) => args[0]],
  ...[
    new StorageKind("FloatStorage", 4, "F32"),
    new StorageKind("HalfStorage", 2, "F16"),
    new StorageKind("BFloat16Storage", 2, "BF16"),
    new StorageKind("DoubleStorage", 8),
    new StorageKind("LongStorage", 8),
    new StorageKind("IntStorage", 4),
    new StorageKind("ShortStorage", 2),
    new StorageKind("CharStorage", 1),
    new StorageKind("ByteStorage", 1),
    new StorageKind("BoolStorage", 1),
  ].map((kind) => [`torch.${kind.torchName}`, kind] as const),
]);

/** Keys under which training scripts store the state dict next to other things. */
const WRAPPERS = ["state_dict", "model_state_dict", "model", "module"];
const MAX_WRAPPERS = 4;
const MAX_AXES = 8;

/** What a torch pickle may name and use, and the storages it names. One instance per pickle. */
export class TorchPickle implements PickleHost {
  readonly file: string;
  readonly storages = new Map<string, TorchStorage>();

  constructor(file: string) {
    this.file = file;
  }

  global(path: string): unknown {
    return GLOBALS.get(path) ?? pythonObject(path, this.file);
  }

  /** `("storage", kind, key, device, length)`, with a sixth item in the legacy format. The device is ignored. */
  persistent(id: unknown): TorchStorage {
    const [tag, kind, key, , length, part] = Array.isArray(id) ? id : [];
    if (tag !== "storage" || !(kind instanceof StorageKind) || typeof key !== "string" || !isCount(length))
      throw damaged(
        this.file,
        "a storage is referenced in a way that torch.save does not use: the file is damaged; fetch it again.",
      );
    if (part !== undefined && part !== null)
      throw damaged(this.file, "written by torch before 0.4: load it in torch and save it again with torch.save.");
    const known = this.storages.get(key);
    if (known && (known.kind !== kind || known.length !== length))
      throw damaged(this.file, `storage ${quoted(key)} has two types or sizes: the file is damaged; fetch it again.`);
    const storage = known ?? new TorchStorage(kind, key, length);
    this.storages.set(key, storage);
    return storage;
  }
}

/**
 * The state dict in an unpickled object, bare or wrapped. Integer and boolean tensors and anything that is not a tensor
 * are skipped, since they are not weights. float64 is refused, since it is.
 * @param bytesOf gives a storage's bytes; throws if they are not all present
 * @throws WkvError `unsupported-model` for float64 or no state dict, `bad-file` for tensors that exceed their storage
 */
export function torchCheckpoint(root: unknown, file: string, bytesOf: (storage: TorchStorage) => Extent): Checkpoint {
  const tensors = new Map<string, Tensor>();
  const skipped = new Map<string, string>();
  for (const [key, value] of unwrap(root, file)) {
    const name = typeof key === "string" ? key : `(a key of type ${typeof key})`;
    const result =
      value instanceof TorchTensor ? readTensor(name, value, file, bytesOf) : `a ${kindOf(value)}, not a tensor`;
    if (typeof result === "string") skipped.set(name, result);
    else addTensor(tensors, result, file);
  }
  if (tensors.size === 0) {
    const keys = [...skipped.keys()].slice(0, 5).map(quoted).join(", ");
    throw new WkvError(
      "unsupported-model",
      `${file}: no weights at the top of this torch file (it has ${keys || "no keys"}): ` +
        "save the model with torch.save(model.state_dict(), PATH).",
    );
  }
  return { format: "pth", tensors, skipped };
}

function unwrap(root: unknown, file: string): Map<unknown, unknown> {
  let dict = root;
  for (let depth = 0; depth < MAX_WRAPPERS && dict instanceof Map; depth++) {
    const outer: Map<unknown, unknown> = dict;
    const inner = WRAPPERS.map((key) => outer.get(key)).find((value) => value instanceof Map);
    if (!inner) break;
    dict = inner;
  }
  if (dict instanceof Map) return dict;
  throw new WkvError(
    "unsupported-model",
    `${file}: a torch file of a ${kindOf(root)}, not of a state dict: ` +
      "save the model with torch.save(model.state_dict(), PATH).",
  );
}

/** The tensor, or the reason it is skipped. */
function readTensor(
  name: string,
  tensor: TorchTensor,
  file: string,
  bytesOf: (storage: TorchStorage) => Extent,
): Tensor | string {
  const [storage, offset, shape, strides] = tensor.args;
  const wellFormed =
    storage instanceof TorchStorage &&
    isCount(offset) &&
    isCounts(shape) &&
    isCounts(strides) &&
    shape.length === strides.length;
  if (!wellFormed)
    throw damaged(file, `tensor ${quoted(name)} has an impossible storage, shape or stride: fetch the file again.`);
  const { kind } = storage;
  if (kind.torchName === "DoubleStorage")
    throw new WkvError(
      "unsupported-model",
      `${file}: tensor ${quoted(name)} is float64; wkv reads float32, float16 and bfloat16: ` +
        "save the model again after model.float().",
    );
  if (!kind.dtype) return `a tensor of torch.${kind.torchName}`;
  const view: View = { offset, shape, strides };
  const problem = viewProblem(view, storage.length);
  if (problem)
    throw damaged(
      file,
      `tensor ${quoted(name)} ${problem}: fetch the file again, or save it with .contiguous() tensors.`,
    );
  return viewTensor(name, kind.dtype, view, bytesOf(storage));
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_AXES && value.every(isCount);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** For messages: never prints the value itself, which may be huge. */
function kindOf(value: unknown): string {
  if (value === null) return "None";
  if (value instanceof Map) return "dict";
  if (value instanceof TorchTensor) return "tensor";
  if (Array.isArray(value)) return "list";
  return typeof value === "function" ? "class" : typeof value;
}
