"""One step of training: on a processor, and on a GPU, where the whole step is one CUDA graph."""
from collections import deque

import torch
import torch.nn.functional as F

from feed import BEGINS, CLASS, GROUP, GROUP_NAMES, ID
from fused import Fused
from model import Precision

CLASS_WEIGHTS = (0.0, 0.2, 1.0, 1.0)  # nothing, what users say, answers, books
BOOKS = 3
PROMPTS_READ = 0.25  # on a processor: share of the tokens that users say whose loss is computed; it counts as much more


def unpack(piece):
    """[B,T+1] as the feed has it -> tokens, targets, classes and groups of the targets, begins: each [B,T]"""
    after = piece[:, 1:]
    return piece[:, :-1] & ID, after & ID, after >> CLASS & 3, after >> GROUP & 3, piece[:, :-1] & BEGINS != 0


def optimizer_for(model, weight_decay, **options):
    """Weight decay pulls on the matrices only, not on gains, mixing vectors and the embedding."""
    matrices, others = [], []
    for name, p in model.named_parameters():
        matrix = p.squeeze().dim() == 2 and name != "emb.weight" and not name.endswith("r_k")
        (matrices if matrix else others).append(p)
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-12, **options)


class Sums:
    """Losses by class and, for answers, by group of documents, since they were last read."""

    def __init__(self, device):
        self.values = torch.zeros(2, 3 + len(GROUP_NAMES), device=device)

    def add(self, loss, classes, groups):
        masks = torch.stack([classes == c for c in (1, 2, 3)] + [(classes == 2) & (groups == g) for g in range(len(GROUP_NAMES))]).to(loss.dtype)
        self.values += torch.stack([(masks * loss).flatten(1).sum(1), masks.flatten(1).sum(1)])

    def take(self):
        sums, counts = self.values.cpu().clone()
        self.values.zero_()
        return ["%.3f" % x for x in (sums / counts.clamp_min(1)).tolist()]


class ProcessorSteps:
    def __init__(self, model, args):
        self.model, self.args, self.state = model, args, model.new_state(args.lanes)
        self.optimizer, self.sums = optimizer_for(model, args.weight_decay, foreach=True), Sums("cpu")
        self.weights = torch.tensor(CLASS_WEIGHTS)
        self.weights[1] /= PROMPTS_READ

    def __call__(self, piece, lr):
        """piece [B,T+1], int64"""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        tokens, targets, classes, groups, begins = unpack(piece)
        Precision.bfloat16 = not self.args.float32
        wanted = (classes > 1) | (classes == 1) & (torch.rand(classes.shape) < PROMPTS_READ)
        logits, self.state = self.model(tokens, begins, self.state, self.args.dropout, wanted)
        Precision.bfloat16 = False
        loss, weight = F.cross_entropy(logits, targets[wanted], reduction="none"), self.weights[classes[wanted]]
        self.optimizer.zero_grad(set_to_none=True)
        ((loss * weight).sum() / weight.sum().clamp_min(1)).backward()
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.args.clip)):
            self.optimizer.step()
        self.sums.add(loss.detach(), classes[wanted], groups[wanted])


class GpuSteps:
    """Launching its two thousand kernels one by one would take longer than running them: they are recorded once."""

    def __init__(self, model, args):
        self.model, self.args, self.fused, self.state = model, args, Fused(model, compiled=True), model.new_state(args.lanes)
        self.lr = torch.zeros((), device="cuda")
        self.optimizer, self.sums = optimizer_for(model, args.weight_decay, lr=self.lr, fused=True, capturable=True), Sums("cuda")
        self.weights = torch.tensor(CLASS_WEIGHTS, device="cuda")
        self.piece = torch.zeros(args.lanes, args.length + 1, dtype=torch.long, device="cuda")
        self.graph, self.ends = None, deque(maxlen=2)

    def run(self):
        tokens, targets, classes, groups, begins = unpack(self.piece)
        self.optimizer.zero_grad(set_to_none=True)
        loss, after = self.fused(tokens, targets, begins, self.state, self.args.dropout, classes == BOOKS)
        weight = self.weights[classes]
        ((loss * weight).sum() / weight.sum().clamp_min(1)).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.args.clip)
        # how torch's own GradScaler has a fused optimizer pass over a step
        self.optimizer.grad_scale, self.optimizer.found_inf = None, (~torch.isfinite(norm)).float()
        self.optimizer.step()
        with torch.no_grad():
            for old, new in zip(self.state, after):
                for a, b in zip(old, new):
                    a.copy_(b)
            self.sums.add(loss.detach(), classes, groups)

    def record(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # compiles, and makes the optimizer's state
                self.run()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.run()
        self.sums.values.zero_()

    def __call__(self, piece, lr):
        if len(self.ends) == 2:
            self.ends[0].synchronize()  # at most two steps are on their way, so that the clock is not ahead of them
        self.piece.copy_(piece, non_blocking=True)
        if self.graph is None:
            self.record()  # at a learning rate of 0
        self.lr.fill_(lr)
        self.graph.replay()
        self.ends.append(torch.cuda.Event())
        self.ends[-1].record()
