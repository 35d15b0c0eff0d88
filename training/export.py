"""Checkpoint -> float16 safetensors with the official tensor names and shapes."""
import argparse

import numpy as np
import torch

import tensorfile


def half(name, tensor):
    array = tensor.numpy().astype(np.float16)
    assert np.isfinite(array).all(), name
    return array


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("output", help="e.g. box.safetensors")
    args = parser.parse_args()
    saved = torch.load(args.checkpoint, map_location="cpu")
    metadata = {"format": "pt", "architecture": "rwkv7", "license": "Apache-2.0",
                "source": "public-domain children's books and made-up conversations, see MODEL_CARD.md",
                "training_tokens": str(saved["tokens"]), "training_steps": str(saved["step"])}
    tensorfile.write(args.output, {name: half(name, t) for name, t in saved["model"].items()}, metadata)
    print("%d parameters after %d tokens" % (sum(t.numel() for t in saved["model"].values()), saved["tokens"]))


if __name__ == "__main__":
    main()
