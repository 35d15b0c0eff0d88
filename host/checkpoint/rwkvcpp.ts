import { WkvError } from "../errors.ts";
import { readBytes, type Source } from "../source/source.ts";
import type { Checkpoint, Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { BLOCK, byteLength, type Dtype } from "./dtypes.ts";
import { addTensor, extentOf, storedTensor, valueCount } from "./stored.ts";

/** int32 in the file, so its bytes read "fmgg". */
export const GGMF_MAGIC = 0x67676d66;

/** 100 came first; 101 changed the layout of quantised blocks. */
const VERSIONS = [100, 101];

/** The file's type numbers. ggml dropped the missing ones. */
const DTYPES = new Map<number, Dtype>([
  [0, "F32"],
  [1, "F16"],
  [2, "Q4_0"],
  [3, "Q4_1"],
  [7, "Q5_0"],
  [8, "Q5_1"],
  [9, "Q8_0"],
]);

const HEADER_BYTES = 24;
const TENSOR_HEADER_BYTES = 12;
const MAX_AXES = 4;
const MAX_NAME_BYTES = 256;

const CUT_OFF = "the file is truncated or damaged; fetch it again.";

interface Header {
  readonly version: number;
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
}

/**
 * A `.bin` file of rwkv.cpp: a header of six int32, then tensors to the end of the file, each with its header and
 * values. Names and values are kept as stored: rwkv.cpp renames, transposes and transforms some.
 * @throws WkvError `bad-file` for a damaged or hostile file, `unsupported-model` for types dropped by ggml
 */
export async function openRwkvCpp(source: Source): Promise<Checkpoint> {
  const header = await readHeader(source);
  const tensors = new Map<string, Tensor>();
  for (let at = HEADER_BYTES; at < source.size; ) {
    const { tensor, end } = await readTensor(source, at, header.version);
    addTensor(tensors, tensor, source.name);
    at = end;
  }
  checkComplete(source.name, header, tensors);
  return { format: "rwkv.cpp", tensors };
}

async function readHeader(source: Source): Promise<Header> {
  const header = new DataView((await readBytes(source, 0, HEADER_BYTES)).buffer);
  const [magic, version, vocabSize, width, layers] = [0, 4, 8, 12, 16].map((at) => header.getInt32(at, true)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (magic !== GGMF_MAGIC) throw damaged(source.name, "not an rwkv.cpp file: the magic number is missing.");
  if (!VERSIONS.includes(version))
    throw damaged(source.name, `rwkv.cpp file version ${version}; wkv reads 100 and 101: convert the model again.`);
  return { version, vocabSize, width, layers };
}

/** One tensor: axis count, name length and type; axis sizes, innermost first; the name; the values. */
async function readTensor(source: Source, at: number, version: number): Promise<{ tensor: Tensor; end: number }> {
  // One read for the header and, nearly always, the name: each network read is slow.
  const longest = TENSOR_HEADER_BYTES + 4 * MAX_AXES + MAX_NAME_BYTES;
  const bytes = await readBytes(source, at, Math.min(longest, source.size - at));
  const view = new DataView(bytes.buffer);
  if (bytes.length < TENSOR_HEADER_BYTES)
    throw damaged(source.name, `a tensor's header at byte ${at} is cut off: ${CUT_OFF}`);
  const axes = view.getInt32(0, true);
  const nameBytes = view.getInt32(4, true);
  if (axes < 1 || axes > MAX_AXES || nameBytes < 1 || nameBytes > MAX_NAME_BYTES)
    throw damaged(
      source.name,
      `no tensor at byte ${at}: it would have ${axes} axes and a name of ${nameBytes} bytes; ${CUT_OFF}`,
    );
  const nameAt = TENSOR_HEADER_BYTES + 4 * axes;
  const dataAt = nameAt + nameBytes;
  if (bytes.length < dataAt)
    throw damaged(source.name, `a tensor's name at byte ${at + nameAt} is cut off: ${CUT_OFF}`);
  const name = new TextDecoder().decode(bytes.subarray(nameAt, dataAt));
  const dtype = toDtype(source.name, name, view.getInt32(8, true), version);
  const shape = readShape(source.name, name, dtype, view, axes);
  const size = byteLength(dtype, valueCount(shape));
  const extent = extentOf(source, at + dataAt, size);
  return { tensor: storedTensor(name, dtype, shape, extent), end: at + dataAt + size };
}

function toDtype(file: string, name: string, type: number, version: number): Dtype {
  const dtype = DTYPES.get(type);
  // Before version 101 the same numbers denoted blocks of another layout.
  if (dtype && (version > 100 || BLOCK[dtype].values === 1)) return dtype;
  throw new WkvError(
    "unsupported-model",
    `${file}: tensor ${quoted(name)} has type ${type} of file version ${version}, which is unknown or obsolete: ` +
      "convert and quantise the model again with a current rwkv.cpp.",
  );
}

/** Outermost axis first, the reverse of the file's order. */
function readShape(file: string, name: string, dtype: Dtype, view: DataView, axes: number): number[] {
  const shape = Array.from({ length: axes }, (_, axis) =>
    view.getInt32(TENSOR_HEADER_BYTES + 4 * axis, true),
  ).reverse();
  if (shape.some((size) => size < 1) || shape.at(-1)! % BLOCK[dtype].values !== 0)
    throw damaged(file, `tensor ${quoted(name)} of ${dtype} has the impossible shape [${shape}]: ${CUT_OFF}`);
  return shape;
}

/** Tensors follow one another to the end: only the header's counts reveal a file that was cut between two. */
function checkComplete(file: string, { vocabSize, width, layers }: Header, tensors: ReadonlyMap<string, Tensor>): void {
  for (const name of ["emb.weight", "head.weight"]) {
    const shape = tensors.get(name)?.shape;
    if (!shape) throw damaged(file, `tensor ${quoted(name)} is missing: ${CUT_OFF}`);
    if (shape.length !== 2 || shape[0] !== vocabSize || shape[1] !== width)
      throw damaged(
        file,
        `tensor ${quoted(name)} is [${shape}], but the file's header says [${vocabSize},${width}]: ${CUT_OFF}`,
      );
  }
  const blocks = new Set([...tensors.keys()].map((name) => /^blocks\.(\d+)\./.exec(name)?.[1]));
  blocks.delete(undefined);
  if (blocks.size !== layers)
    throw damaged(file, `the header claims ${layers} layers, but there are ${blocks.size}: ${CUT_OFF}`);
}
