"""How well a model answers the questions of eval.json, and its bits per byte on the held-out Lilac Fairy Book.

An answer counts where greedy decoding would write exactly it, with the empty line after it: that is so when every token of it is
the most probable one given the right tokens before it, so one pass over all items is enough.  The book: every story from an
empty state; every token counts, the token 0 that ends each story too.
"""
import argparse
import json
import math
from collections import defaultdict

import torch
import torch.nn.functional as F

from corpus import training_and_held_out
from loading import load_model
from tokenizer import VOCAB, Tokenizer
from wkv7 import CHUNK, HERE

DISTANCES = ((30, "1-30"), (100, "31-100"), (300, "101-300"), (1000, "301-1000"), (10 ** 9, "1001-"))
FACTS = ((4, "1-4"), (10, "5-10"), (20, "11-20"), (99, "21-40"))


def padded(rows):
    """-> tokens [B,T], T a multiple of CHUNK; begins [B,T], true at the first token alone"""
    T = -(-max(map(len, rows)) // CHUNK) * CHUNK
    tokens = torch.zeros(len(rows), T, dtype=torch.long)
    for i, row in enumerate(rows):
        tokens[i, :len(row)] = torch.tensor(row)
    begins = torch.zeros(len(rows), T, dtype=torch.bool)
    begins[:, 0] = True
    return tokens, begins


@torch.no_grad()
def answers(model, tokenizer, items, batch_tokens=20_000):
    """[whether each item is answered right]"""
    rows = [(tokenizer.encode(item["prompt"]), tokenizer.encode(item["completion"])) for item in items]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]) + len(rows[i][1]))
    right = [False] * len(items)
    while order:
        longest = lambda batch: sum(map(len, rows[batch[-1]]))
        count = 1
        while count < len(order) and (count + 1) * longest(order[:count + 1]) <= batch_tokens:
            count += 1
        batch, order = order[:count], order[count:]
        tokens, begins = padded([rows[i][0] + rows[i][1] for i in batch])
        best = model(tokens, begins, model.new_state(len(batch)))[0].argmax(-1)
        for lane, i in enumerate(batch):
            prompt, end = rows[i]
            right[i] = best[lane, len(prompt) - 1:len(prompt) + len(end) - 1].tolist() == end
    return right


@torch.no_grad()
def total_nats(model, documents, length=512):
    """Sum of -log p(token | tokens before it) over all but the first token of each document."""
    tokens, begins = padded([d[:-1] for d in documents])
    targets = torch.full_like(tokens, -1)
    for i, d in enumerate(documents):
        targets[i, :len(d) - 1] = torch.tensor(d[1:])
    state, nats = model.new_state(len(documents)), 0.0
    for at in range(0, tokens.shape[1], length):
        part = slice(at, at + length)
        logits, state = model(tokens[:, part], begins[:, part], state)
        nats += F.cross_entropy(logits.flatten(0, 1), targets[:, part].flatten(), ignore_index=-1, reduction="sum").item()
    return nats


def bits_per_byte(model, tokenizer, corpus):
    stories = training_and_held_out(corpus)[1]
    documents = [[0] + tokenizer.encode(story) + [0] for story in stories]
    return total_nats(model, documents) / math.log(2) / len("\n\n".join(stories).encode("utf-8"))


def group(limits, value):
    return next(name for limit, name in limits if value <= limit)


TABLES = {
    "kind": lambda i: i["kind"],
    "layout": lambda i: i["layout"] if i["distance_tokens"] else None,
    "distance": lambda i: group(DISTANCES, i["distance_tokens"]) if i["distance_tokens"] else None,
    "recall, facts": lambda i: group(FACTS, i["n_facts"]) if i["kind"] == "recall" else None,
    "pairs": lambda i: group(FACTS, i["n_facts"]) if i["kind"] == "pairs" else None,
    "thinks": lambda i: i["thinks"],
}


def report(items, right):
    """table -> row -> [right, items]; `all` leaves talk out."""
    out = {name: defaultdict(lambda: [0, 0]) for name in ("all", *TABLES)}
    for item, ok in zip(items, right):
        keys = {name: key(item) for name, key in TABLES.items()}
        keys["all"] = None if item["kind"] == "talk" else "without talk"
        for name, key in keys.items():
            if key is not None:
                out[name][key][0] += ok
                out[name][key][1] += 1
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="safetensors file")
    parser.add_argument("--vocab", default=VOCAB)
    parser.add_argument("--items", default=HERE + "/eval.json")
    parser.add_argument("--book", metavar="CORPUS", help="the text of the Fairy Books: measure bits per byte too")
    args = parser.parse_args()
    model, tokenizer = load_model(args.model), Tokenizer.load(args.vocab)
    with open(args.items, encoding="utf-8") as file:
        items = json.load(file)
    for name, rows in report(items, answers(model, tokenizer, items)).items():
        print("%-14s %s" % (name, ", ".join("%s %d/%d" % (key, a, b) for key, (a, b) in rows.items())))
    if args.book:
        print("bits per byte  %.4f" % bits_per_byte(model, tokenizer, args.book))


if __name__ == "__main__":
    main()
