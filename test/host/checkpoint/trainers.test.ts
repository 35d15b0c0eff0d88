/** Files as trainers write them: wrapped names, Python objects beside the weights, large headers, the official RWKV-7. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadModel } from "wkv";
import { decodeValues } from "../../../host/checkpoint/values.ts";
import { openBytes, readAll, readGolden } from "../../support/checkpoint-checks.ts";
import {
  legacyPthOf,
  ownStorages,
  pth,
  pthOf,
  rawSafetensors,
  type Sample,
  safetensors,
  sampleModel,
  stateDict,
} from "../../support/make-checkpoints.ts";
import { toRwkv7ForCausalLM } from "../../support/make-hf.ts";
import { dict, global, pickle, reduce, tuple } from "../../support/make-pickle.ts";
import { SMALL } from "../../support/models.ts";
import { float32 } from "../../support/tensor-values.ts";

const MODEL = sampleModel("F32");
const NAMES = MODEL.map(({ name }) => name);

describe("names that wrappers put around a model's own are removed", () => {
  const outer = ["module.", "_forward_module.", "_orig_mod.", "_forward_module._orig_mod.", "_orig_mod.module.module."];
  const wrappers: [what: string, rename: (name: string) => string][] = [
    ...outer.map((prefix): [string, (name: string) => string] => [prefix, (name) => prefix + name]),
    ["compiled blocks", (name) => name.replace(/^(blocks\.\d+)\./, "$1._orig_mod.")],
    [
      "FSDP around everything",
      (name) => `_fsdp_wrapped_module.${name.replace(/\.att\./, ".att._fsdp_wrapped_module.")}`,
    ],
    ["checkpointed and compiled", (name) => name.replace(/\.att\./, ".att._checkpoint_wrapped_module._orig_mod.")],
    ["some names only", (name) => (name.startsWith("emb") ? name : `module.${name}`)],
  ];
  for (const [what, rename] of wrappers)
    test(what, async () => {
      const renamed = MODEL.map((sample) => ({ ...sample, name: rename(sample.name) }));
      for (const bytes of [pth(ownStorages(renamed)), safetensors(renamed)])
        assert.deepEqual([...(await openBytes(bytes)).tensors.keys()], NAMES);
    });

  test("DDP in Lightning's module, which is a part of the name", async () => {
    const renamed = MODEL.map((sample) => ({ ...sample, name: `_forward_module.model.module.${sample.name}` }));
    const names = [...(await openBytes(safetensors(renamed))).tensors.keys()];
    assert.deepEqual(
      names,
      NAMES.map((name) => `model.${name}`),
    );
  });

  test("two names that become one are refused", async () => {
    const [first] = MODEL as [Sample];
    const bytes = safetensors([first, { ...first, name: `module.${first.name}` }]);
    await assert.rejects(openBytes(bytes), { code: "bad-file", message: /two tensors are named "emb\.weight"/ });
  });
});

describe("Python objects beside the weights are data", () => {
  const numpyArray = () =>
    reduce(global("numpy.core.multiarray", "_reconstruct"), tuple(global("numpy", "ndarray"), tuple(0), "b"));
  const list = (...items: unknown[]) => tuple(items);
  const objects: [what: string, value: unknown][] = [
    ["torch.Size", reduce(global("torch", "Size"), tuple(tuple(2, 3)))],
    ["torch.dtype", global("torch", "bfloat16")],
    ["torch.device", reduce(global("torch", "device"), tuple("cuda", 0))],
    ["set of Python 2's module", reduce(global("__builtin__", "set"), list(1, 2))],
    ["frozenset", reduce(global("builtins", "frozenset"), list("a"))],
    ["Counter", reduce(global("collections", "Counter"), tuple(dict([["a", 1]])))],
    ["defaultdict", reduce(global("collections", "defaultdict"), tuple(global("builtins", "set")))],
    ["an OrderedDict of the trainer's", reduce(global("my_trainer.state", "ParamDict"), tuple())],
    ["a class of a script", reduce(global("__main__", "Config"), tuple())],
    ["argparse.Namespace", reduce(global("argparse", "Namespace"), tuple())],
    ["a path", reduce(global("pathlib", "PosixPath"), tuple("/", "data"))],
    ["a float of numpy", reduce(global("numpy.core.multiarray", "scalar"), tuple(global("numpy", "dtype"), "x"))],
    ["an array of numpy, as in the state of its random numbers", numpyArray()],
    ["defaultdict of numbers", reduce(global("collections", "defaultdict"), tuple(global("__builtin__", "long")))],
    [
      "a time with a zone",
      reduce(global("datetime", "timezone"), tuple(reduce(global("datetime", "timedelta"), tuple(0)))),
    ],
    ["a namespace", reduce(global("types", "SimpleNamespace"), tuple())],
    ["a member of an enumeration", reduce(global("my_trainer.config", "Precision"), tuple("bf16"))],
    ["a member of an IntFlag", reduce(global("__main__", "Stage"), tuple(3))],
    ["a member whose value is a tuple", reduce(global("my_trainer.config", "Mesh"), tuple(tuple("data", 2, null)))],
    ["a range", reduce(global("builtins", "range"), tuple(0, 5, 1))],
  ];
  for (const [what, value] of objects)
    test(what, async () => {
      const tensors = ownStorages(MODEL);
      const root = dict([
        ["epoch", 3],
        ["extra", value],
        ["state_dict", stateDict(tensors)],
      ]);
      const storages = tensors.map(({ storage }) => storage);
      for (const bytes of [pthOf(pickle(root), storages), legacyPthOf(pickle(root), storages)])
        assert.deepEqual([...(await readAll(await openBytes(bytes))).keys()], NAMES);
    });

  test("what could run is refused by name", async () => {
    const active: [path: string, value: unknown][] = [
      ["os.system", reduce(global("os", "system"), tuple("echo"))],
      ["subprocess.Popen", reduce(global("subprocess", "Popen"), tuple())],
      ["builtins.exec", global("builtins", "exec")],
      ["builtins.getattr", global("builtins", "getattr")],
      ["torch.load", global("torch", "load")],
      ["torch.jit.CompilationUnit", reduce(global("torch.jit", "CompilationUnit"), tuple())],
      ["functools.partial", global("functools", "partial")],
      ["operator.attrgetter", global("operator", "attrgetter")],
      ["my_trainer.run", reduce(global("my_trainer", "run"), tuple())],
      ["my_trainer.Runner", reduce(global("my_trainer", "Runner"), tuple("rm", "-r"))],
      ["my_trainer.Holder", reduce(global("my_trainer", "Holder"), tuple(global("torch", "FloatStorage")))],
      ["importlib.Loader", reduce(global("importlib", "Loader"), tuple())],
      ["os.path.Popen", reduce(global("os.path", "Popen"), tuple())],
    ];
    for (const [path, value] of active)
      await assert.rejects(openBytes(pthOf(pickle(dict([["x", value]])), [])), (error: Error & { code?: string }) => {
        assert.equal(error.code, "bad-file");
        assert.ok(error.message.includes(`"${path}"`), error.message);
        return true;
      });
  });
});

describe("safetensors headers", () => {
  const [first] = MODEL as [Sample];
  const entry = { dtype: "F32", shape: first.shape, data_offsets: [0, first.bytes.length] };

  test("of 20 MB are read", async () => {
    const header = { __metadata__: { notes: "x".repeat(20e6) }, [first.name]: entry };
    const { tensors } = await openBytes(rawSafetensors(JSON.stringify(header), [first.bytes]));
    assert.deepEqual([...tensors.keys()], [first.name]);
  });

  test("beyond the format's 100 MB, or of millions of items, are refused in little memory", async () => {
    await assert.rejects(openBytes(rawSafetensors("{}", [], 100_000_001n)), { code: "bad-file" });
    const before = process.memoryUsage().heapUsed;
    const items = `{${'"a":{},'.repeat(2_100_000)}"b":{}}`;
    await assert.rejects(openBytes(rawSafetensors(items)), { code: "bad-file", message: /not a JSON object/ });
    assert.ok(process.memoryUsage().heapUsed - before < 200e6);
  });
});

describe("the official RWKV-7 of Hugging Face (RWKV/RWKV7-*-20260805)", () => {
  const logitsOf = async (bytes: Uint8Array) => {
    await using model = await loadModel(bytes, { vocab: null, weights: "f32", threads: 1 });
    return await model.createSession().feed([1, 5, 9]);
  };

  test("has the logits of the published file, with layer norm 0 apart or folded into the embedding", async () => {
    const golden = [...(await readGolden(SMALL)).values()];
    const expected = await logitsOf(safetensors(golden));
    const official = toRwkv7ForCausalLM(golden);
    assert.deepEqual(await logitsOf(safetensors(official)), expected);
    const folded = await logitsOf(safetensors(foldLn0(official)));
    const scale = Math.max(...expected.map(Math.abs));
    for (const [i, value] of folded.entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-4 * scale, `logit ${i}`);
  });
});

/** The embedding after layer norm 0, which is then missing. */
function foldLn0(samples: readonly Sample[]): Sample[] {
  const values = (name: string) => {
    const sample = samples.find((each) => each.name === name) as Sample;
    return Array.from(toF32(sample));
  };
  const [weight, bias] = ["weight", "bias"].map((part) => values(`rwkv7.blocks.0.ln0.${part}`)) as [number[], number[]];
  return samples
    .filter(({ name }) => !name.includes(".ln0."))
    .map((sample) => (sample.name === "rwkv7.emb.weight" ? normalised(sample, weight, bias) : sample));
}

function normalised(sample: Sample, weight: readonly number[], bias: readonly number[]): Sample {
  const width = sample.shape[1] as number;
  const values = toF32(sample);
  const out = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += width) {
    const x = Array.from(values.subarray(row, row + width));
    const mean = x.reduce((a, b) => a + b) / width;
    const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    x.forEach((value, i) => {
      out[row + i] = ((value - mean) / Math.sqrt(variance + 1e-5)) * weight[i]! + bias[i]!;
    });
  }
  return float32(sample.name, sample.shape, out);
}

function toF32({ dtype, bytes }: Sample): Float32Array {
  return decodeValues(dtype, bytes.slice());
}
