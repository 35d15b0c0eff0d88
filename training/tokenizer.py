"""Greedy longest match over bytes with a vocabulary in the World text format."""
import ast
import os
import re

VOCAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vocab.txt")
END_OF_TEXT = 0
# A token lies inside one of these pieces: a word with the space before it, an 's, one digit (so that numbers are read and copied
# digit by digit), or punctuation with the space before and the line ends after it.
PIECE = re.compile(r"'s\b| ?[A-Za-z]+|[0-9]| ?[^A-Za-z0-9\s]+\n*|\s+")


def read_vocab(path):
    """{token bytes: id}.  A line is `id <python literal> byte_length`; id 0 (end of text) has no line."""
    vocab = {}
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            number, rest = line.split(" ", 1)
            literal, length = rest.rsplit(" ", 1)
            token = ast.literal_eval(literal)
            token = token.encode("utf-8") if isinstance(token, str) else token
            assert len(token) == int(length), line
            vocab[token] = int(number)
    return vocab


def write_vocab(path, tokens):
    """tokens[i] gets id i + 1."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for number, token in enumerate(tokens, 1):
            try:
                literal = repr(token.decode("utf-8"))
            except UnicodeDecodeError:
                literal = repr(token)
            file.write("%d %s %d\n" % (number, literal, len(token)))


def lengths_by_first_byte(tokens):
    """For every first byte the lengths worth trying, longest first."""
    lengths = [set() for _ in range(256)]
    for token in tokens:
        lengths[token[0]].add(len(token))
    return [sorted(s, reverse=True) for s in lengths]


class Tokenizer:
    def __init__(self, vocab):
        self.ids = vocab
        self.bytes = {number: token for token, number in vocab.items()}
        self.bytes[0] = b""
        self.lengths = lengths_by_first_byte(vocab)
        self.size = max(vocab.values()) + 1
        self.known = {}

    @classmethod
    def load(cls, path=VOCAB):
        return cls(read_vocab(path))

    def encode(self, text):
        data = text.encode("utf-8") if isinstance(text, str) else text
        ids, lengths, out, at = self.ids, self.lengths, [], 0
        while at < len(data):
            for length in lengths[data[at]]:
                number = ids.get(data[at:at + length])
                if number is not None:
                    out.append(number)
                    at += length
                    break
        return out

    def encode_fast(self, text):
        """The same by pieces, each remembered: differs only where a token reaches over the border of two pieces (rare)."""
        known, out = self.known, []
        for piece in PIECE.findall(text):
            ids = known.get(piece)
            if ids is None:
                if len(known) > 400_000:
                    known.clear()
                ids = known[piece] = self.encode(piece)
            out += ids
        return out

    def decode(self, ids):
        return b"".join(self.bytes[i] for i in ids)
