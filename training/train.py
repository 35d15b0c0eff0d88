"""Train the model in the box.  Stops and resumes at any time; see README.md.

The schedule goes by tokens, so that pauses and a busy machine change nothing but the time it takes.
"""
import argparse
import csv
import json
import os
import random
import signal
import time

import torch
import torch.nn.functional as F

from conversations import Maker
from feed import BEGINS, CLASS, GROUP, GROUP_NAMES, ID, Books, Feed, Schedule
from model import Precision, Rwkv7
from tokenizer import Tokenizer
from wkv7 import CHUNK, HERE

CLASS_WEIGHTS = (0.0, 0.2, 1.0, 1.0)  # nothing, what users say, answers, books
PROMPTS_READ = 0.25  # share of the tokens that users say whose loss is computed; it counts as much more
STEPS_A_BLOCK = 4


def parse_args():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("data", help="directory of books.bin and books.json, as prepare.py makes them")
    p.add_argument("--state", required=True, help="directory for checkpoint.pt, log.csv, probes.csv and pids")
    p.add_argument("--schedule", default=os.path.join(HERE, "box.json"), help="stages of the data, learning rates")
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
    p.add_argument("--log-every", type=int, default=100_000, help="tokens")
    p.add_argument("--save-every", type=float, default=120, help="seconds")
    p.add_argument("--probe-every", type=int, default=500_000, help="tokens")
    return p.parse_args()


def optimizer_for(model, args):
    """Weight decay pulls on the matrices only, not on gains, mixing vectors and the embedding."""
    matrices, others = [], []
    for name, p in model.named_parameters():
        matrix = p.squeeze().dim() == 2 and name != "emb.weight" and not name.endswith("r_k")
        (matrices if matrix else others).append(p)
    groups = [{"params": matrices, "weight_decay": args.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-12, foreach=True)


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
    out, Precision.bfloat16, device = {}, False, model.emb.weight.device
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


class Sums:
    """Losses by class and, for answers, by group of documents, since the last line of the log."""

    def __init__(self):
        self.values, self.began, self.tokens = torch.zeros(2, 3 + len(GROUP_NAMES)), time.monotonic(), 0

    def add(self, loss, classes, groups, tokens):
        masks = [classes == c for c in (1, 2, 3)] + [(classes == 2) & (groups == g) for g in range(len(GROUP_NAMES))]
        self.values += torch.stack([torch.stack([loss[m].sum() for m in masks]), torch.stack([m.sum() for m in masks]).float()]).cpu()
        self.tokens += tokens

    def means(self):
        return ["%.3f" % x for x in (self.values[0] / self.values[1].clamp_min(1)).tolist()]

    def speed(self):
        return "%.0f" % (self.tokens / (time.monotonic() - self.began))


def main():
    args = parse_args()
    os.makedirs(args.state, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    schedule, tokenizer, path = Schedule(args.schedule), Tokenizer.load(), os.path.join(args.state, "checkpoint.pt")
    ranks = dict(zip(("rank_w", "rank_a", "rank_v", "rank_g"), map(int, args.ranks.split(","))))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    feed_from = lambda tokens: Feed(args.data, schedule, tokens, args.lanes, args.length * STEPS_A_BLOCK, args.seed, CHUNK if device == "cuda" else 1)
    model = Rwkv7(dict(vocab=tokenizer.size, width=args.width, layers=args.layers, head_size=64, **ranks)).to(device)
    optimizer, state, done, step = optimizer_for(model, args), model.new_state(args.lanes), 0, 0
    if os.path.exists(path):
        saved = torch.load(path, map_location=device)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        done, step = saved["tokens"], saved["step"]
    feed = feed_from(done)
    with open(os.path.join(args.state, "pids"), "w") as file:
        file.write("%d %d\n" % (os.getpid(), feed.worker.pid))
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    sets = probes(Books(args.data))
    log = Table(os.path.join(args.state, "log.csv"), ["tokens", "step", "lr", "tokens_per_second", "prompts", "answers", "books"] + ["answers_" + n for n in GROUP_NAMES])
    probed = Table(os.path.join(args.state, "probes.csv"), ["tokens"] + ["%s/%d" % (name, len(items)) for name, items in sets.items()])
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "tokens": done, **vars(args)}), flush=True)

    keep = lambda: save(path, model=model.state_dict(), config=model.cfg, optimizer=optimizer.state_dict(), tokens=done, step=step, args=vars(args))
    weights = torch.tensor(CLASS_WEIGHTS, device=device)
    weights[1] /= PROMPTS_READ
    sums, saved_at = Sums(), time.monotonic()
    while not stop and done < schedule.all["cooldown"][1] * 1e6:
        schedule.read()
        block = torch.from_numpy(feed.next()).to(device)
        for at in range(0, block.shape[1] - 1, args.length):
            lr = schedule.learning_rate(done)
            for group in optimizer.param_groups:
                group["lr"] = lr
            piece = block[:, at:at + args.length + 1]
            targets, classes, groups = piece[:, 1:] & ID, piece[:, 1:] >> CLASS & 3, piece[:, 1:] >> GROUP & 3
            Precision.bfloat16 = not args.float32
            wanted = (classes > 1) | (classes == 1) & (torch.rand(classes.shape, device=device) < PROMPTS_READ)
            logits, state = model(piece[:, :-1] & ID, piece[:, :-1] & BEGINS != 0, state, args.dropout, wanted)
            loss = F.cross_entropy(logits, targets[wanted], reduction="none")
            weight = weights[classes[wanted]]
            optimizer.zero_grad(set_to_none=True)
            ((loss * weight).sum() / weight.sum().clamp_min(1)).backward()
            if torch.isfinite(torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)):
                optimizer.step()
            sums.add(loss.detach(), classes[wanted], groups[wanted], targets.numel())
            step, before, done = step + 1, done, done + targets.numel()
            if done // args.log_every > before // args.log_every:
                log.write([done, step, "%.2e" % lr, sums.speed()] + sums.means())
                sums = Sums()
            if done // args.probe_every > before // args.probe_every:
                probed.write([done] + [right for right, _ in examine(model, tokenizer, sets).values()])
        if time.monotonic() - saved_at > args.save_every:
            saved_at = time.monotonic()
            keep()
    keep()
    feed.worker.terminate()


if __name__ == "__main__":
    main()
