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
    parser.add_argument("output", help="e.g. models/fairy/fairy.safetensors")
    parser.add_argument("--bits-per-byte", default="not measured", help="held-out figure to write into the header")
    args = parser.parse_args()
    saved = torch.load(args.checkpoint, map_location="cpu")
    metadata = {
        "format": "pt",
        "name": "fairy",
        "architecture": "rwkv7",
        "source": "Andrew Lang's Fairy Books (1889-1910), texts of Project Gutenberg, public domain",
        "license": "Apache-2.0",
        "held_out_bits_per_byte": args.bits_per_byte,
        "held_out_text": "The Lilac Fairy Book",
        "training_steps": str(saved["progress"]["step"]),
        "training_seconds": "%.0f" % saved["progress"]["seconds"],
    }
    tensorfile.write(args.output, {name: half(name, t) for name, t in saved["model"].items()}, metadata)
    print("%d parameters, step %d" % (sum(t.numel() for t in saved["model"].values()), saved["progress"]["step"]))


if __name__ == "__main__":
    main()
