"""Train the model in the box.  Stops and resumes at any time; see README.md.

The schedule goes by tokens, so that pauses and a busy machine change nothing but the time it takes; on a GPU that is lent for
some minutes it goes by the clock.
"""
import argparse
import csv
import json
import os
import random
import signal
import time

import torch

from conversations import Maker
from feed import GROUP_NAMES, Books, Feed, Schedule
from model import Rwkv7
from steps import GpuSteps, ProcessorSteps
from tokenizer import Tokenizer
from wkv7 import CHUNK, HERE

STEPS_A_BLOCK = 4


def parse_args():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("data", help="directory of books.bin and books.json, as prepare.py makes them")
    p.add_argument("--state", required=True, help="directory for checkpoint.pt, log.csv, probes.csv and pids")
    p.add_argument("--schedule", default=os.path.join(HERE, "box.json"), help="stages of the data, learning rates")
    p.add_argument("--tokens", type=float, help="millions in all, instead of what the schedule says")
    p.add_argument("--seconds", type=float, help="the schedule goes by the clock and ends after so many")
    p.add_argument("--workers", type=int, default=1, help="processes that make documents")
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--width", type=int, default=128)
    p.add_argument("--ranks", default="32,32,16,32", help="of decay, learning rate, value and gate")
    p.add_argument("--lanes", type=int, default=8)
    p.add_argument("--length", type=int, default=256, help="tokens of each lane in one step")
    p.add_argument("--dropout", type=float, default=0.0)
    p.add_argument("--weight-decay", type=float, default=0.1)
    p.add_argument("--clip", type=float, default=1.0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--float32", action="store_true", help="no bfloat16 products")
    p.add_argument("--log-every", type=float, default=20, help="seconds")
    p.add_argument("--save-every", type=float, default=120, help="seconds")
    p.add_argument("--probe-every", type=float, default=100, help="seconds")
    return p.parse_args()


def probes(books, count=60):
    """name -> [(prompt, end)].  plain-N and pairs-N ask for one of N alike, so that a guess among those in sight gives 1/N."""
    prose, out = books.prose(Tokenizer.load()), {}
    for held in (False, True):
        for n in (4, 8):
            make = Maker(random.Random("probe/%s/%d" % (held, n)), prose, held)
            make.layout, make.facts = "question-last", n
            word = "new" if held else "known"
            plain, pairs = [], []
            while len(plain) < count:
                doc = make.simple(n)
                plain.append(("".join(t for _, t in doc.parts[:2]), doc.parts[2][1]))
            while len(pairs) < count:
                doc = make.pairs()
                if doc.meta["n_facts"] == n and not doc.meta["opening"]:
                    pairs.append((doc.prompt(), doc.parts[-1][1]))
            out["plain-%d-%s" % (n, word)], out["pairs-%d-%s" % (n, word)] = plain, pairs
    with open(os.path.join(HERE, "eval.json"), encoding="utf-8") as file:
        short = [i for i in json.load(file) if i["prompt_tokens"] <= 200 and i["n_facts"] <= 10]
    for kind in ("recall", "pairs", "unknown", "hops", "strings", "memory", "tools", "json"):
        out[kind] = [(i["prompt"], i["completion"]) for i in short if i["kind"] == kind]
    return out


@torch.no_grad()
def examine(model, tokenizer, sets):
    """name -> (right, items): every token of the answer is the most probable one."""
    out, device = {}, model.emb.weight.device
    for name, items in sets.items():
        rows = [(tokenizer.encode(p), tokenizer.encode(e)) for p, e in items]
        length = max(len(p) + len(e) for p, e in rows)
        tokens = torch.zeros(len(rows), -(-length // CHUNK) * CHUNK, dtype=torch.long)
        for i, (p, e) in enumerate(rows):
            tokens[i, :len(p) + len(e)] = torch.tensor(p + e)
        tokens = tokens.to(device)
        best = model(tokens, torch.zeros_like(tokens), model.new_state(len(rows)))[0].argmax(-1)
        out[name] = (sum(best[i, len(p) - 1:len(p) + len(e) - 1].tolist() == e for i, (p, e) in enumerate(rows)), len(rows))
    return out


class Table:
    """A CSV file that grows, and the same lines on the screen."""

    def __init__(self, path, fields):
        self.path = path
        if not os.path.exists(path):
            self.write(fields)

    def write(self, row):
        with open(self.path, "a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(row)
        print(*row, flush=True)


def save(path, **everything):
    """Written beside and renamed, so that a stop in the middle leaves the old checkpoint."""
    torch.save(everything, path + ".new")
    os.replace(path + ".new", path)


class Run:
    """How much of the run is done: by tokens, or by the clock where it has to end in time."""

    def __init__(self, args, schedule, done):
        self.total, self.seconds, self.began, self.done = (args.tokens or schedule.all["tokens"]) * 1e6, args.seconds, time.monotonic(), done

    def share(self):
        return (time.monotonic() - self.began) / self.seconds if self.seconds else self.done / self.total


def main():
    args = parse_args()
    os.makedirs(args.state, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    schedule, tokenizer, path = Schedule(args.schedule), Tokenizer.load(), os.path.join(args.state, "checkpoint.pt")
    books = Books(args.data)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    saved = torch.load(path, map_location=device) if os.path.exists(path) else dict(tokens=0, step=0)
    run, step = Run(args, schedule, saved["tokens"]), saved["step"]
    # the workers are forked before the GPU is touched
    feed = Feed(books, books.prose(tokenizer), tokenizer, schedule, run.share(), args.lanes, args.length * STEPS_A_BLOCK,
                "%d/%d" % (args.seed, run.done), CHUNK if device == "cuda" else 1, args.workers)
    ranks = dict(zip(("rank_w", "rank_a", "rank_v", "rank_g"), map(int, args.ranks.split(","))))
    model = Rwkv7(dict(vocab=tokenizer.size, width=args.width, layers=args.layers, head_size=64, **ranks)).to(device)
    take_step = (GpuSteps if device == "cuda" else ProcessorSteps)(model, args)
    if "model" in saved:
        model.load_state_dict(saved["model"])
        if "optimizer" in saved:  # not where a finished model is trained on
            take_step.optimizer.load_state_dict(saved["optimizer"])
    with open(os.path.join(args.state, "pids"), "w") as file:
        file.write(" ".join(str(pid) for pid in [os.getpid()] + [each.pid for each in feed.workers]) + "\n")
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    sets = probes(books)
    log = Table(os.path.join(args.state, "log.csv"), ["tokens", "step", "lr", "tokens_per_second", "prompts", "answers", "books"] + ["answers_" + n for n in GROUP_NAMES])
    probed = Table(os.path.join(args.state, "probes.csv"), ["tokens"] + ["%s/%d" % (name, len(items)) for name, items in sets.items()])
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "done": run.done, "device": device, "torch": torch.__version__, **vars(args)}), flush=True)

    keep = lambda: save(path, model=model.state_dict(), config=model.cfg, optimizer=take_step.optimizer.state_dict(), tokens=run.done, step=step, args=vars(args))
    saved_at = logged_at = probed_at = time.monotonic()
    logged = run.done
    if device == "cuda":
        take_step.record()
        run.began = time.monotonic()
    while not stop and run.share() < 1:
        schedule.read()
        feed.share.value = run.share()
        block = torch.from_numpy(feed.next()).to(device)
        for at in range(0, block.shape[1] - 1, args.length):
            lr = schedule.learning_rate(run.share())
            take_step(block[:, at:at + args.length + 1], lr)
            step, run.done = step + 1, run.done + args.lanes * args.length
        now = time.monotonic()
        if now - logged_at > args.log_every:
            losses = take_step.sums.take()  # waits for the steps that are on their way
            now = time.monotonic()
            log.write([run.done, step, "%.2e" % lr, "%.0f" % ((run.done - logged) / (now - logged_at))] + losses)
            logged_at, logged = now, run.done
        if now - probed_at > args.probe_every:
            probed_at = now
            probed.write([run.done] + [right for right, _ in examine(model, tokenizer, sets).values()])
        if now - saved_at > args.save_every:
            saved_at = now
            keep()
    feed.stop()
    keep()


if __name__ == "__main__":
    main()
