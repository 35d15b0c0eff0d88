"""Makes data/hidden.json: the residual stream after the embedding and after each layer, in float64, at the end of the
prompts of two committed goldens.

    python3 test/golden/make-hidden.py GOLDEN     where GOLDEN has ref/ (the reference in numpy)
"""
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(sys.argv[1]) / "ref"))
from rwkv_ref import Model  # noqa: E402

DATA = Path(__file__).parent / "data"
MODELS = {"q7.unaligned.safetensors": "q7.f32", "s4.bf16.safetensors": "s4.bf16"}


def read(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return {name: tensor(data[8 + length :], **about) for name, about in header.items()}


def tensor(data, dtype, shape, data_offsets):
    part = data[slice(*data_offsets)]
    if dtype == "BF16":
        values = (np.frombuffer(part, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(part, "<f4")
    return values.reshape(shape)


def hidden(model, tokens):
    """Rows of the last token; what a block adds is seen as the difference that its two halves make."""
    state = model.new_state()
    for token in tokens:
        x = model.p["emb.weight"][token]
        x = model.ln(x, "blocks.0.ln0") if "blocks.0.ln0.weight" in model.p else x
        rows, v_first = [x], None
        for i, s in enumerate(state):
            normed = model.ln(x, f"blocks.{i}.ln1")
            if model.arch == "7":
                mixed, v_first = model.att7(i, normed, s, v_first)
            else:
                mixed = model.att4(i, normed, s)
            x = x + mixed
            x = x + model.ffn(i, model.ln(x, f"blocks.{i}.ln2"), s)
            rows.append(x)
    return [[round(float(value), 7) for value in row] for row in rows]


out = {}
for file, golden in MODELS.items():
    about = json.loads((DATA / "synth" / f"{golden}.golden.json").read_text())
    model = Model(read(DATA / "synth" / file), gn_eps=about["group_norm_eps"])
    out[file] = hidden(model, about["prompt"])
(DATA / "hidden.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
