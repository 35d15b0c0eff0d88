"""Build the vocabulary: all 256 bytes and the strings that pay most on the training text.

Candidates come from byte-pair merges inside words (with their leading space) and inside runs of
punctuation.  What counts in use is the greedy longest match, so the candidates are then pruned by
what each one saves under exactly that rule, a few rounds, until the wanted number is left.
"""
import argparse
import re
from collections import Counter, defaultdict

from corpus import training_and_held_out
from tokenizer import Tokenizer, write_vocab

# A token never spans two of these pieces: a word with the space before it, an 's, or punctuation
# with the space before and the line ends after it.  A space always belongs to what follows it.
PIECE = re.compile(r"'s\b| ?[A-Za-z]+| ?[^A-Za-z\s]+\n*|\s+")


def merge_candidates(texts, count):
    """The strings made by `count` byte-pair merges, most frequent pair first."""
    pieces = Counter(piece for text in texts for piece in PIECE.findall(text))
    words = [list(piece) for piece in pieces]
    weights = list(pieces.values())
    pairs, where = Counter(), defaultdict(set)
    for index, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += weights[index]
            where[pair].add(index)
    made = []
    while len(made) < count:
        # the pair itself breaks ties, so that the result does not depend on dictionary order
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        made.append("".join(best))
        for index in list(where[best]):
            old = words[index]
            new = merged(old, best)
            for pair in zip(old, old[1:]):
                pairs[pair] -= weights[index]
                where[pair].discard(index)
            for pair in zip(new, new[1:]):
                pairs[pair] += weights[index]
                where[pair].add(index)
            words[index] = new
        del pairs[best]
        if len(made) % 200 == 0:
            pairs = Counter({pair: n for pair, n in pairs.items() if n > 0})
    return made


def merged(word, pair):
    out, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and word[i] == pair[0] and word[i + 1] == pair[1]:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def savings(strings, texts):
    """For every string: how many more tokens the text would need without it.  Also the token count."""
    singles = [bytes([i]) for i in range(256)]
    tokenizer = Tokenizer({token: i + 1 for i, token in enumerate(singles + strings)})
    used = Counter()
    for text in texts:
        used.update(tokenizer.encode(text))
    saved = {}
    for string in strings:
        number = tokenizer.ids.pop(string)
        saved[string] = used[number] * (len(tokenizer.encode(string)) - 1)
        tokenizer.ids[string] = number
    return saved, sum(used.values())


def prune(strings, texts, wanted):
    """Drop what saves least, at most an eighth at a time, because dropping one changes the use of others."""
    while True:
        saved, total = savings(strings, texts)
        print("%5d strings: %d tokens" % (len(strings), total), flush=True)
        if len(strings) <= wanted:
            return strings
        keep = max(wanted, len(strings) * 7 // 8)
        strings = sorted(strings, key=lambda s: (-saved[s], s))[:keep]


def widespread(strings, texts, least):
    """The strings that occur in at least `least` stories: a hero's name pays in one story only."""
    return [s for s in strings if sum(s in text for text in texts) >= least]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", help="the text of the Fairy Books")
    parser.add_argument("output", help="vocabulary to write, e.g. models/fairy/vocab.txt")
    parser.add_argument("--size", type=int, default=2048, help="ids in all, end-of-text included")
    parser.add_argument("--stories", type=int, default=10, help="a string must occur in at least so many stories")
    args = parser.parse_args()

    train, _ = training_and_held_out(args.corpus)
    wanted = args.size - 257
    candidates = widespread(merge_candidates(train, wanted * 2), train, args.stories)
    strings = prune(sorted({c.encode("utf-8") for c in candidates}), train, wanted)
    write_vocab(args.output, [bytes([i]) for i in range(256)] + sorted(strings, key=lambda s: (len(s), s)))
    size = sum(len(text.encode("utf-8")) for text in train)
    print("%d bytes of training text" % size)


if __name__ == "__main__":
    main()
