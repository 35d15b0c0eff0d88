"""Let an exported model write on (for looking at it while it is trained; slow)."""
import argparse
import sys

import torch

from loading import load_model
from tokenizer import VOCAB, Tokenizer


def choose(logits, temperature, top_p):
    """Draw from the smallest set of tokens that holds top_p of the probability."""
    p, order = torch.softmax(logits / temperature, -1).sort(descending=True)
    p[p.cumsum(0) - p >= top_p] = 0
    return order[torch.multinomial(p, 1)].item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--vocab", default=VOCAB)
    parser.add_argument("--prompt", default="")
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    tokenizer, model = Tokenizer.load(args.vocab), load_model(args.model)
    pending, state = [0] + tokenizer.encode(args.prompt), model.new_state(1)
    sys.stdout.write(args.prompt)
    with torch.no_grad():
        for _ in range(args.tokens):
            begins = torch.zeros(1, len(pending), dtype=torch.bool)
            logits, state = model(torch.tensor([pending]), begins, state)
            token = choose(logits[0, -1], args.temperature, args.top_p)
            if token == 0:
                sys.stdout.write("\n[end of text]")
                break
            sys.stdout.write(tokenizer.decode([token]).decode("utf-8", "replace"))
            sys.stdout.flush()
            pending = [token]
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
