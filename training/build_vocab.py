"""Makes the vocabulary: all 256 bytes and the strings that pay most on the books and on made-up conversations.

Candidates come from byte-pair merges inside the pieces of tokenizer.py.  What counts in use is the greedy longest match, so they
are then pruned by what each saves under exactly that rule.
"""
import argparse
import random
from collections import Counter, defaultdict

from books import read_texts
from conversations import Maker
from corpus import training_and_held_out
from tokenizer import PIECE, VOCAB, Tokenizer, write_vocab

SIZE = 2048
CONVERSATION_CHARACTERS = 6_000_000
LEAST_TEXTS = 10  # a string must occur in so many: a hero's name pays in one text only
# What the templates need whole, whatever it saves.
FORCED = ["User", "Assistant", "System", " User", "\n\n", "think", "json", "```", " ```", "</", ".\n\n", "?\n\n", "!\n\n", ">\n", '":"', '","', '{"', '"}', '":']


def candidates(weights, count):
    """Byte-pair merges inside pieces, most frequent first."""
    words, counts = [list(p) for p in weights], list(weights.values())
    pairs, where = Counter(), defaultdict(set)
    for i, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += counts[i]
            where[pair].add(i)
    made = []
    while len(made) < count:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        made.append("".join(best))
        for i in list(where[best]):
            old, new, at = words[i], [], 0
            while at < len(old):
                joined = at + 1 < len(old) and (old[at], old[at + 1]) == best
                new.append(old[at] + old[at + 1] if joined else old[at])
                at += 2 if joined else 1
            for pair in zip(old, old[1:]):
                pairs[pair] -= counts[i]
                where[pair].discard(i)
            for pair in zip(new, new[1:]):
                pairs[pair] += counts[i]
                where[pair].add(i)
            words[i] = new
        del pairs[best]
        if len(made) % 200 == 0:
            pairs = Counter({pair: n for pair, n in pairs.items() if n > 0})
    return made


def prune(strings, weights, wanted):
    """Drop what saves least under greedy longest match, a few at a time."""
    forced = {s.encode() for s in FORCED}
    while True:
        tokenizer = Tokenizer({token: i + 1 for i, token in enumerate([bytes([i]) for i in range(256)] + strings)})
        used = Counter()
        for piece, n in weights.items():
            for token in tokenizer.encode(piece):
                used[token] += n
        print("%5d strings: %d tokens" % (len(strings), sum(used.values())), flush=True)
        if len(strings) <= wanted:
            return strings
        saved = {}
        for string in strings:
            number = tokenizer.ids.pop(string)
            saved[string] = used[number] * (len(tokenizer.encode(string)) - 1) + (10 ** 12 if string in forced else 0)
            tokenizer.ids[string] = number
        strings = sorted(strings, key=lambda s: (-saved[s], s))[:max(wanted, len(strings) * 7 // 8)]


def conversations(fairy):
    maker, texts, size = Maker(random.Random(7), [text.split("\n\n") for text in fairy]), [], 0
    while size < CONVERSATION_CHARACTERS:
        texts.append("".join(text for _, text in maker.document().parts))
        size += len(texts[-1])
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("fairy_books", help="the text of the Fairy Books")
    parser.add_argument("other_books", help="what books.py wrote")
    parser.add_argument("--output", default=VOCAB)
    args = parser.parse_args()
    fairy, _ = training_and_held_out(args.fairy_books)
    weights, spread = Counter(), Counter()
    for texts, factor in ((fairy, 2), (read_texts(args.other_books), 1), (conversations(fairy), 1)):
        for text in texts:
            counts = Counter(PIECE.findall(text))
            for piece, n in counts.items():
                weights[piece] += n * factor
            spread.update(counts.keys())
    common = Counter({p: n for p, n in weights.items() if spread[p] >= LEAST_TEXTS})
    made = candidates(common, (SIZE - 257) * 2)
    strings = prune(sorted({c.encode("utf-8") for c in made + FORCED if len(c.encode()) > 1}), common, SIZE - 257)
    write_vocab(args.output, [bytes([i]) for i in range(256)] + sorted(strings, key=lambda s: (len(s), s)))


if __name__ == "__main__":
    main()
