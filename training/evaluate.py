"""Bits per byte of an exported model on the held-out book, beside what xz -9 needs for the same bytes.

The book is read from its first word to its last; every story starts with token 0, which empties the
state, so nothing is known of the stories before.  With --stream there is one token 0 at the very
beginning only, as for a plain text file.  Every token counts, the token 0 that ends each story too.
"""
import argparse
import json
import lzma
import math

import torch
import torch.nn.functional as F

from corpus import training_and_held_out
from loading import load_model
from tokenizer import Tokenizer


def held_out_text(corpus):
    """The last book exactly as it stands in the corpus."""
    return "\n\n".join(training_and_held_out(corpus)[1])


def token_stream(tokenizer, corpus, as_stream):
    if as_stream:
        return [0] + tokenizer.encode(held_out_text(corpus))
    stories = training_and_held_out(corpus)[1]
    return [token for story in stories for token in [0] + tokenizer.encode(story)] + [0]


def total_nats(model, tokens, length=512):
    """Sum of -log p(tokens[i] | tokens before it) for i >= 1."""
    tokens = torch.tensor(tokens).view(1, -1)
    state, nats = model.new_state(1), 0.0
    with torch.no_grad():
        for at in range(0, tokens.shape[1] - 1, length):
            piece = tokens[:, at:at + length + 1]
            logits, state = model(piece[:, :-1], state)
            nats += F.cross_entropy(logits[0], piece[0, 1:], reduction="sum").item()
    return nats


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--model", required=True, help="safetensors file")
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--stream", action="store_true", help="no token 0 between the stories")
    args = parser.parse_args()
    tokens = token_stream(Tokenizer.load(args.vocab), args.corpus, args.stream)
    text = held_out_text(args.corpus).encode("utf-8")
    nats = total_nats(load_model(args.model), tokens)
    print(json.dumps({
        "bytes": len(text), "tokens": len(tokens) - 1, "nats_per_token": round(nats / (len(tokens) - 1), 4),
        "bits_per_byte": round(nats / math.log(2) / len(text), 4),
        "xz_bits_per_byte": round(8 * len(lzma.compress(text, preset=9)) / len(text), 4),
    }, indent=1))


if __name__ == "__main__":
    main()
