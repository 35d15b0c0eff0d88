"""An exported model as a torch module."""
import torch

import tensorfile
from model import Rwkv7


def config_of(tensors):
    """The sizes, read from the shapes."""
    heads, head_size = tensors["blocks.0.att.r_k"].shape
    vocab, width = tensors["emb.weight"].shape
    rank = lambda name: tensors["blocks.1.att." + name].shape[1]
    return dict(vocab=vocab, width=width, head_size=head_size, layers=1 + max(int(n.split(".")[1]) for n in tensors if n.startswith("blocks.")),
                rank_w=rank("w1"), rank_a=rank("a1"), rank_v=rank("v1"), rank_g=rank("g1"))


def load_model(path):
    tensors, _ = tensorfile.read(path)
    model = Rwkv7(config_of(tensors))
    # `wkv convert` puts the vocabulary into the file, as bytes
    weights = {name: torch.from_numpy(array.astype("float32")) for name, array in tensors.items() if array.dtype != "u1"}
    model.load_state_dict(weights)
    return model.eval()
