"""Checks the data feed without books: documents end and begin where the marks say, and no block comes twice.  Exits 1 on failure."""
import random
import sys

import numpy as np

from conversations import EVERYTHING, Maker
from feed import BEGINS, CLASS, ID, Lane
from tokenizer import Tokenizer

STAGE = {"mix": EVERYTHING, "facts": 12, "characters": 900, "prose": 20, "books": 0.3}
PROSE = [["Once there was a king.", "He had a fox that could sing. They went to the sea and found a ring of gold there.", "The end."] * 20]


class NoBooks:
    """Two short texts in place of the books."""

    def __init__(self, tokenizer):
        self.fairy = [np.array(tokenizer.encode("\n\n".join(PROSE[0])), np.uint16)]
        self.others = self.fairy


def lane(seed, align, tokenizer, stage=STAGE):
    made = Lane(seed, NoBooks(tokenizer), tokenizer, PROSE, align)
    made.choose(stage)
    return made


def test_blocks_follow_each_other(tokenizer):
    one = lane("a", 1, tokenizer)
    first, second = one.block(500), one.block(500)
    assert first[-1] == second[0]
    assert not np.array_equal(first, second)


def test_documents_end_with_the_end_of_text(tokenizer):
    block = lane("b", 1, tokenizer).block(20_000)
    begins = np.flatnonzero(block[1:] & BEGINS) + 1
    assert len(begins) > 50
    assert np.all(block[begins - 1] & ID == 0)
    assert np.all(block[begins] >> CLASS & 3 == 0)  # nothing comes before it, so it is no target


def test_aligned_documents_begin_at_multiples(tokenizer):
    block = lane("c", 16, tokenizer).block(20_000)
    assert np.all(np.flatnonzero(block & BEGINS) % 16 == 0)


def test_seeds_differ(tokenizer):
    made = [lane(seed, 1, tokenizer, {**STAGE, "books": 0}).block(500) for seed in "de"]
    assert not np.array_equal(*made)


def test_every_kind_can_be_made(tokenizer):
    maker = Maker(random.Random(1), PROSE)
    for kind in (*EVERYTHING, "simple", "sentence", "drill", "tables", "errands"):
        maker.choose({kind: 1}, facts=8)
        doc = maker.document()
        text = "".join(text for _, text in doc.parts)
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids).decode() == text, kind
        assert any(c >= 2 for c, _ in doc.parts), kind


def test_answers_are_tokens_of_the_text(tokenizer):
    """A plain look-up's answer is the very token that the material has."""
    maker = Maker(random.Random(2), PROSE)
    for _ in range(50):
        doc = maker.simple(4)
        said = tokenizer.encode(doc.parts[0][1])
        assert tokenizer.encode(doc.parts[2][1])[0] in said


def main():
    tokenizer, failed = Tokenizer.load(), 0
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            try:
                test(tokenizer)
                print("ok", name)
            except AssertionError as error:
                failed += 1
                print("FAILED", name, error)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
