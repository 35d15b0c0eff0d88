"""Makes data/synth/h7.hf and its golden: the committed q7 in the layout of Hugging Face's Rwkv7ForCausalLM, as f16, with layer
norm 0 folded into the embedding. The logits are those of the stored values, in float64.

    python3 test/golden/make-rwkv7-hf.py GOLDEN     where GOLDEN has ref/ (the reference in numpy)
"""
import json
import re
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(sys.argv[1]) / "ref"))
import golden_io  # noqa: E402
from rwkv_ref import LN_EPS, Model, normalise  # noqa: E402

SYNTH = Path(__file__).parent / "data" / "synth"
FOLDER = SYNTH / "h7.hf"


def read(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    values = data[8 + length :]
    part = lambda about: np.frombuffer(values[slice(*about["data_offsets"])], "<f4")
    return {name: part(about).reshape(about["shape"]) for name, about in sorted(header.items())}


def write(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F16", "shape": values.shape, "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(v.tobytes() for v in tensors.values()))


def folded(p):
    """Without layer norm 0, and without the values that the first block does not use."""
    ln0 = lambda part: p[f"blocks.0.ln0.{part}"].astype(np.float64)
    emb = normalise(p["emb.weight"].astype(np.float64), LN_EPS) * ln0("weight") + ln0("bias")
    unused = re.compile(r"blocks\.0\.(ln0\.|att\.v[012]$)")
    left = {name: v for name, v in p.items() if not unused.match(name)}
    return {name: v.astype("<f2") for name, v in {**left, "emb.weight": emb}.items()}


def official(name):
    if name == "head.weight":
        return name
    return "rwkv7." + name.replace("emb.", "embeddings.")


about = json.loads((SYNTH / "q7.f32.golden.json").read_text())
weights = folded(read(SYNTH / "q7.unaligned.safetensors"))
width, heads = about["n_embd"], about["n_embd"] // about["head_size"]
config = {
    "architectures": ["Rwkv7ForCausalLM"],
    "model_type": "rwkv7",
    "vocab_size": about["n_vocab"],
    "hidden_size": width,
    "num_hidden_layers": about["n_layer"],
    "num_attention_heads": heads,
    "head_size": about["head_size"],
    "intermediate_size": len(weights["blocks.0.ffn.key.weight"]),
    "norm_eps": LN_EPS,
    "embedding_layer_norm_fused": True,
    "rescale_every": 0,
    "tie_word_embeddings": False,
    "dtype": "float16",
}
FOLDER.mkdir(exist_ok=True)
write(FOLDER / "model.safetensors", {official(name): v for name, v in weights.items()})
(FOLDER / "config.json").write_text(json.dumps(config, indent=1) + "\n")
eps = LN_EPS * about["head_size"]
golden = golden_io.compute(Model(weights, gn_eps=eps), about["prompt"], 32, Model(weights, np.float32, gn_eps=eps))
facts = {key: about[key] for key in ("head_size", "n_layer", "n_embd")}
golden_io.write(str(SYNTH / "h7.f16"), golden, models=["h7.hf"], arch="7", group_norm_eps=eps, weights="F16", **facts)
