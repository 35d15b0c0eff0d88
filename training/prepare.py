"""Makes what training and evaluation read: the books as tokens, and the questions of eval.json.

DATA/books.bin, DATA/books.json: the Fairy Books without the Lilac one, then the others; token 0 after every text.
eval.json: 400 items whose words are to one half kept from training; `prompt` as fed, from an empty state; `completion` what has to
follow; `distance_tokens` from the end of the fact to the end of the prompt.
"""
import argparse
import json
import os
import random

import numpy as np

from books import read_texts
from conversations import UNKNOWN, Maker
from corpus import training_and_held_out
from tokenizer import Tokenizer
from wkv7 import HERE

EVAL = os.path.join(HERE, "eval.json")
EVAL_SEED, EVAL_ITEMS = 1001, 400


def write_books(folder, tokenizer, fairy, others):
    tokens, counts = [], []
    for texts in (fairy, others):
        start = len(tokens)
        for text in texts:
            tokens += tokenizer.encode(text) + [0]
        counts.append(len(tokens) - start)
    np.array(tokens, "<u2").tofile(os.path.join(folder, "books.bin"))
    about = {"fairy_tokens": counts[0], "other_tokens": counts[1]}
    with open(os.path.join(folder, "books.json"), "w") as file:
        json.dump(about, file)
    print(about)


def items(maker, tokenizer, count):
    """`count` items of all kinds, layouts and distances."""
    looked_up = (maker.recall, maker.needle, maker.pairs, maker.recall, maker.needle, maker.hops, maker.needle, maker.recall, maker.pairs)
    others = (maker.memory, maker.tools, maker.extract, maker.strings, maker.sums, maker.memory, maker.tools, maker.extract, maker.strings, maker.counting, maker.small_talk)
    layouts, sizes = ("question-last", "question-first", "read-twice"), (60, 150, 300, 600, 1000, 1400)
    out, n = [], 0
    while len(out) < count:
        n += 1
        if n % 3:
            maker.layout, maker.prose_size = layouts[n % 7 % 3], sizes[n % 11 % 6]
            doc = maker.w.one(looked_up)()
        else:
            maker.layout = None
            doc = others[n // 3 % len(others)]()
        meta = doc.meta
        if not meta:
            continue
        prompt, answer = doc.prompt(), meta["answer"]
        opening = meta["opening"]
        assert prompt.endswith("Assistant:" + opening), prompt[-60:]
        fact = meta["fact"]
        at = prompt.rfind(fact) if fact else -1
        tokens = len(tokenizer.encode(prompt))
        if tokens > 4000:
            continue
        out.append({
            "kind": "unknown" if answer.startswith(UNKNOWN) and doc.kind != "talk" else doc.kind,
            "prompt": prompt, "completion": doc.parts[-1][1], "layout": meta["layout"], "n_facts": meta["n_facts"],
            "distance_tokens": tokens - len(tokenizer.encode(prompt[:at + len(fact)])) if at >= 0 else 0,
            "prompt_tokens": tokens, "thinks": {"": "off", " <think": "on"}.get(opening, "fake"),
        })
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("fairy_books", help="the text of the Fairy Books")
    parser.add_argument("other_books", help="what books.py wrote")
    parser.add_argument("data", help="directory to write to")
    args = parser.parse_args()
    fairy, _ = training_and_held_out(args.fairy_books)
    tokenizer = Tokenizer.load()
    os.makedirs(args.data, exist_ok=True)
    write_books(args.data, tokenizer, fairy, read_texts(args.other_books))
    # Prose from books that training reads as well: it is filler.  Words and seed are the evaluation's own.
    made = items(Maker(random.Random(EVAL_SEED), [text.split("\n\n") for text in fairy], held=True), tokenizer, EVAL_ITEMS)
    with open(EVAL, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in made) + "\n]\n")


if __name__ == "__main__":
    main()
