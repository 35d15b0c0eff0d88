"""Training data without end: a process makes documents and packs them into lanes while the model learns.

A token travels as 16 bits: its id (11), how much its loss counts (2: see conversations.py), the kind of its document (2), and whether
a document begins with it (1): there the state starts from zero.
"""
import json
import multiprocessing
import os
import random
import signal

import numpy as np

from conversations import Maker
from tokenizer import Tokenizer

ID, CLASS, GROUP, BEGINS = 0x7FF, 11, 13, 0x8000
GROUPS = {"recall": 1, "needle": 1, "memory": 1, "hops": 1, "pairs": 2, "simple": 3, "sentence": 3, "drill": 3, "tables": 3}
GROUP_NAMES = ("other", "lookup", "pairs", "plain")


class Books:
    """What prepare.py made: the books as tokens, documents of the Fairy Books and of the others."""

    def __init__(self, folder):
        with open(os.path.join(folder, "books.json")) as file:
            border = json.load(file)["fairy_tokens"]
        tokens = np.fromfile(os.path.join(folder, "books.bin"), "<u2")
        ends = np.flatnonzero(tokens == 0)
        docs, starts = np.split(tokens, ends + 1)[:-1], np.concatenate([[0], ends[:-1] + 1])
        self.fairy = [d[:-1] for d, s in zip(docs, starts) if s < border]
        self.others = [d[:-1] for d, s in zip(docs, starts) if s >= border]

    def prose(self, tokenizer):
        """All of them as texts of paragraphs."""
        return [tokenizer.decode(d.tolist()).decode("utf-8", "replace").split("\n\n") for d in self.fairy + self.others]


class Schedule:
    """box.json, read again before every block, so that it can be changed while a run goes on.

    A stage begins `from` a share of the run: shares of the kinds of documents in `mix`, at most so many facts and characters in
    one, tokens of prose around needles, the share of the books (and in it that of the Fairy Books, and of parts of chapters).
    """

    def __init__(self, path):
        self.path = path
        self.read()

    def read(self):
        with open(self.path) as file:
            self.all = json.load(file)

    def stage(self, share):
        return [s for s in self.all["stages"] if s["from"] <= share][-1]

    def learning_rate(self, share):
        """Warm-up, a plateau, and from `cooldown` on a fall to nothing (a straight line)."""
        peak, warm, fall = self.all["lr"], self.all["warmup"], self.all["cooldown"]
        return peak * min(1.0, share / warm + 1e-3, max(0.0, (1 - share) / (1 - fall)))


class Lane:
    """One lane: packed documents, one after the other."""

    def __init__(self, seed, books, tokenizer, prose, align):
        self.rng, self.books, self.tokenizer, self.align = random.Random(seed), books, tokenizer, align
        self.maker = Maker(self.rng, prose)
        self.orders = {"fairy": [], "others": []}
        self.counted = {"fairy": 0, "others": 0, "made": 0}
        self.breaks = np.array([tokenizer.bytes[i].endswith(b"\n\n") for i in range(tokenizer.size)])
        self.buffer, self.size, self.stage = [], 0, None

    def choose(self, stage):
        if stage != self.stage:
            self.stage = stage
            self.counted = {"fairy": 0, "others": 0, "made": 1 + self.rng.randrange(20000)}  # so that not all lanes read books at once
            self.maker.choose(stage["mix"], stage["facts"], stage.get("characters"), stage.get("prose"))

    def book(self, kind):
        docs, order = getattr(self.books, kind), self.orders[kind]
        if not order:
            order += range(len(docs))
            self.rng.shuffle(order)
        doc, end = docs[order.pop()], [3 << CLASS]
        if self.rng.random() < self.stage.get("parts", 0.6) and len(doc) > 1200:
            # a part of it, from the beginning of a paragraph
            at = self.rng.randrange(len(doc) - 600)
            found = np.flatnonzero(self.breaks[doc[at:at + 400]])
            if len(found):
                at += int(found[0]) + 1
                if at + 2500 < len(doc):
                    end = []
                doc = doc[at:at + 2500]
        return np.concatenate([doc | np.uint16(3 << CLASS), np.array(end, np.uint16)])

    def made(self):
        made, out = self.maker.document(), []
        for c, text in made.parts:
            out += [i | c << CLASS for i in self.tokenizer.encode_fast(text)]
        out.append(2 << CLASS)  # the token that ends a text
        return np.array(out, np.uint16) | np.uint16(GROUPS.get(made.kind, 0) << GROUP)

    def document(self):
        books = self.counted["fairy"] + self.counted["others"]
        if books < self.stage["books"] * (books + self.counted["made"]):
            kind = "fairy" if self.counted["fairy"] < self.stage.get("fairy", 0.4) * (books + 1) else "others"
            doc, start = self.book(kind), self.rng.random() < 0.7
        else:
            kind, start, doc = "made", self.rng.random() < 0.5, self.made()
        self.counted[kind] += len(doc)
        # with the token that ends a text before it, or from nothing: both are used
        whole = np.zeros(-(-(len(doc) + start) // self.align) * self.align, np.uint16)
        whole[start:start + len(doc)] = doc
        whole[0] = (whole[0] & ID) | BEGINS  # nothing comes before it, so it is no target
        return whole

    def block(self, count):
        """count + 1 tokens, of which the last is the first of the next block."""
        while self.size < count + 1:
            doc = self.document()
            self.buffer.append(doc)
            self.size += len(doc)
        stream = np.concatenate(self.buffer)
        self.buffer, self.size = [stream[count:]], len(stream) - count
        return stream[:count + 1].copy()


def work(queue, books, prose, tokenizer, schedule, share, lanes, count, seed, align):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lanes = [Lane("%s/%d" % (seed, i), books, tokenizer, prose, align) for i in lanes]
    while True:
        schedule.read()
        for lane in lanes:
            lane.choose(schedule.stage(share.value))
        queue.put(np.stack([lane.block(count) for lane in lanes]))


class Feed:
    """Blocks of `count` tokens in each lane, each read once, made by `workers` processes.  `share` of the run is set by the trainer;
    `seed` is a text, another one for every sitting."""

    def __init__(self, books, prose, tokenizer, schedule, share, lanes, count, seed, align=1, workers=1, ahead=3):
        context = multiprocessing.get_context("fork")
        self.share, self.queues, self.workers = context.Value("d", share), [], []
        for i in range(workers):
            self.queues.append(context.Queue(ahead))
            mine = range(i * lanes // workers, (i + 1) * lanes // workers)
            args = (self.queues[-1], books, prose, tokenizer, schedule, self.share, mine, count, seed, align)
            self.workers.append(context.Process(target=work, args=args, daemon=True))
            self.workers[-1].start()

    def next(self):
        """[lanes, count + 1], int64"""
        return np.concatenate([queue.get() for queue in self.queues]).astype(np.int64)

    def stop(self):
        for each in self.workers:
            each.terminate()
