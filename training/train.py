"""Train a RWKV-7 on the Fairy Books.  Stops and resumes at any time; see README.md.

The schedule runs on training time: seconds spent inside training steps, kept in the checkpoint.
Time in which the process was stopped, paused or evaluating does not count, so the learning rate
always ends where it was planned to end.
"""
import argparse
import csv
import json
import math
import os
import random
import signal
import time

import torch
import torch.nn.functional as F

from corpus import training_and_held_out
from model import Precision, Rwkv7
from tokenizer import Tokenizer


def parse_args():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("corpus", help="the text of the Fairy Books")
    p.add_argument("--vocab", required=True, help="vocabulary made by build_vocab.py")
    p.add_argument("--state", required=True, help="directory for checkpoint.pt, log.csv and pid")
    p.add_argument("--minutes", type=float, default=95, help="training time of the whole schedule")
    p.add_argument("--width", type=int, default=192)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--head-size", type=int, default=64)
    p.add_argument("--ranks", default="32,32,16,48", help="of decay, learning rate, value and gate")
    p.add_argument("--lanes", type=int, default=16, help="stories read side by side")
    p.add_argument("--length", type=int, default=256, help="tokens of each lane in one step")
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--final-lr", type=float, default=2e-5)
    p.add_argument("--warmup", type=float, default=0.015, help="share of the schedule")
    p.add_argument("--weight-decay", type=float, default=0.1)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--clip", type=float, default=1.0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--float32", action="store_true", help="no bfloat16 products")
    p.add_argument("--save-every", type=float, default=180, help="seconds of training time")
    p.add_argument("--evaluate-every", type=float, default=600, help="seconds of training time")
    return p.parse_args()


class Lanes:
    """The training stories as `count` endless lanes.  Every epoch has its own order of the stories."""

    def __init__(self, stories, count, length, seed):
        self.stories, self.count, self.length, self.seed = stories, count, length, seed
        self.epoch, self.at = 0, 0
        self.arrange()

    def arrange(self):
        order = list(range(len(self.stories)))
        random.Random("%d/%d" % (self.seed, self.epoch)).shuffle(order)
        stream = torch.tensor([token for i in order for token in [0] + self.stories[i]] + [0])
        per_lane = (len(stream) - 1) // self.count
        starts = torch.arange(self.count) * per_lane
        self.data = torch.stack([stream[s:s + per_lane + 1] for s in starts.tolist()])

    def next(self):
        """(tokens, targets, True when the lanes have been arranged anew)"""
        fresh = self.at + self.length >= self.data.shape[1]
        if fresh:
            self.epoch, self.at = self.epoch + 1, 0
            self.arrange()
        piece = self.data[:, self.at:self.at + self.length + 1]
        self.at += self.length
        return piece[:, :-1], piece[:, 1:], fresh

    def position(self):
        return {"epoch": self.epoch, "at": self.at}

    def seek(self, position):
        self.epoch, self.at = position["epoch"], position["at"]
        self.arrange()


def optimizer_for(model, args):
    """Weight decay pulls on the matrices only, not on gains, mixing vectors and the embedding."""
    matrices, others = [], []
    for name, p in model.named_parameters():
        matrix = p.squeeze().dim() == 2 and name != "emb.weight" and not name.endswith("r_k")
        (matrices if matrix else others).append(p)
    groups = [{"params": matrices, "weight_decay": args.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.99), eps=1e-12, foreach=True)


def learning_rate(done, args):
    """done: share of the schedule, 0 .. 1"""
    if done < args.warmup:
        return args.lr * done / args.warmup
    wave = 0.5 * (1 + math.cos(math.pi * min(1.0, (done - args.warmup) / (1 - args.warmup))))
    return args.final_lr + (args.lr - args.final_lr) * wave


def evaluate(model, stories, byte_count, lanes=16, length=256):
    """Bits per byte of the stories, read in `lanes` lanes at once (a lane starts in mid-story with an empty
    state, so this is a little worse than evaluate.py, which reads from the first word to the last)."""
    stream = torch.tensor([token for story in stories for token in [0] + story] + [0])
    per_lane = -(-(len(stream) - 1) // lanes)
    padded = F.pad(stream[1:], (0, per_lane * lanes - (len(stream) - 1)), value=-1).view(lanes, per_lane)
    inputs = F.pad(stream[:-1], (0, per_lane * lanes - (len(stream) - 1))).view(lanes, per_lane)
    state, nats = model.new_state(lanes), 0.0
    Precision.bfloat16 = False
    with torch.no_grad():
        for at in range(0, per_lane, length):
            logits, state = model(inputs[:, at:at + length], state)
            nats += F.cross_entropy(logits.flatten(0, 1), padded[:, at:at + length].flatten(), ignore_index=-1, reduction="sum").item()
    return nats / math.log(2) / byte_count


class Log:
    FIELDS = ["step", "training_seconds", "epoch", "lr", "train_nats_per_token", "tokens_per_second", "held_out_bits_per_byte"]

    def __init__(self, path):
        self.path = path
        if not os.path.exists(path):
            self.write(self.FIELDS)

    def write(self, row):
        with open(self.path, "a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(row)
        print(*row, flush=True)


def save(path, model, optimizer, lanes, state, progress, args):
    """Written beside and renamed, so that a stop in the middle leaves the old checkpoint."""
    torch.save({"model": model.state_dict(), "config": model.cfg, "optimizer": optimizer.state_dict(), "lanes": lanes.position(),
                "state": state, "progress": progress, "random": torch.get_rng_state(), "args": vars(args)}, path + ".new")
    os.replace(path + ".new", path)


def main():
    args = parse_args()
    os.makedirs(args.state, exist_ok=True)
    with open(os.path.join(args.state, "pid"), "w") as file:
        file.write("%d\n" % os.getpid())
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)

    tokenizer = Tokenizer.load(args.vocab)
    train, held_out = training_and_held_out(args.corpus)
    held_out_bytes = len("\n\n".join(held_out).encode("utf-8"))
    lanes = Lanes([tokenizer.encode(s) for s in train], args.lanes, args.length, args.seed)
    held_out = [tokenizer.encode(s) for s in held_out]

    ranks = dict(zip(["rank_w", "rank_a", "rank_v", "rank_g"], map(int, args.ranks.split(","))))
    model = Rwkv7(dict(vocab=tokenizer.size, width=args.width, layers=args.layers, head_size=args.head_size, **ranks))
    optimizer = optimizer_for(model, args)
    state = model.new_state(args.lanes)
    progress = {"step": 0, "seconds": 0.0}
    path = os.path.join(args.state, "checkpoint.pt")
    if os.path.exists(path):
        saved = torch.load(path)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        lanes.seek(saved["lanes"])
        state, progress = saved["state"], saved["progress"]
        torch.set_rng_state(saved["random"])
    log = Log(os.path.join(args.state, "log.csv"))
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "tokens_per_epoch": lanes.data.numel(), **progress}), flush=True)

    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    budget = args.minutes * 60
    typical, next_save, next_evaluation = None, progress["seconds"] + args.save_every, progress["seconds"] + args.evaluate_every
    losses, logged_at, logged_step = [], progress["seconds"], progress["step"]

    while progress["seconds"] < budget and not stop:
        began = time.monotonic()
        lr = learning_rate(progress["seconds"] / budget, args)
        for group in optimizer.param_groups:
            group["lr"] = lr
        tokens, targets, fresh = lanes.next()
        if fresh:
            state = model.new_state(args.lanes)
        Precision.bfloat16 = not args.float32
        logits, state = model(tokens, state, args.dropout)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        if torch.isfinite(norm):
            optimizer.step()
        losses.append(loss.item())

        # a step that took far longer than usual was paused: count it as a usual one
        took = time.monotonic() - began
        typical = took if typical is None else 0.95 * typical + 0.05 * min(took, 4 * typical)
        progress["seconds"] += took if took < 8 * typical else typical
        progress["step"] += 1

        if progress["step"] % 50 == 0:
            speed = (progress["step"] - logged_step) * tokens.numel() / (progress["seconds"] - logged_at)
            log.write([progress["step"], "%.1f" % progress["seconds"], lanes.epoch, "%.3e" % lr, "%.4f" % (sum(losses) / len(losses)), "%.0f" % speed, ""])
            losses, logged_at, logged_step = [], progress["seconds"], progress["step"]
        if progress["seconds"] >= next_save:
            next_save += args.save_every
            save(path, model, optimizer, lanes, state, progress, args)
        if progress["seconds"] >= next_evaluation:
            next_evaluation += args.evaluate_every
            log.write([progress["step"], "%.1f" % progress["seconds"], lanes.epoch, "%.3e" % lr, "", "", "%.4f" % evaluate(model, held_out, held_out_bytes)])

    save(path, model, optimizer, lanes, state, progress, args)
    log.write([progress["step"], "%.1f" % progress["seconds"], lanes.epoch, "", "", "", "%.4f" % evaluate(model, held_out, held_out_bytes)])


if __name__ == "__main__":
    main()
