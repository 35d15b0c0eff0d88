"""Checks fused.py against model.py: losses, states and gradients, on a processor in float64, on a GPU as it trains.  Exits 1 on failure."""
import sys

import torch
import torch.nn.functional as F

from fused import Fused
from model import Rwkv7
from wkv7 import CHUNK

SHAPE = dict(vocab=97, width=128, layers=3, head_size=64, rank_w=8, rank_a=8, rank_v=8, rank_g=8)


def scattered(model):
    """Weights that start at zero would hide whole branches."""
    torch.manual_seed(3)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    return model


def batch(B=3, T=4 * CHUNK):
    torch.manual_seed(4)
    begins = torch.zeros(B, T, dtype=torch.bool)
    begins[:, 0] = True
    begins[1, 2 * CHUNK] = True
    return torch.randint(97, (B, T)), torch.randint(97, (B, T)), begins


def gradients(model, loss):
    model.zero_grad()
    loss.mean().backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()]).double().cpu()


def compare(name, ours, theirs, tolerance):
    error = ((ours - theirs).norm() / theirs.norm()).item()
    print("%-24s %.2e (at most %.0e)" % (name, error, tolerance))
    return error <= tolerance


def check(label, model, compiled, device, tolerance):
    tokens, targets, begins = (t.to(device) for t in batch())
    logits, plain_state = model(tokens, begins, model.new_state(len(tokens)))
    plain = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
    plain_gradient = gradients(model, plain)
    loss, state = Fused(model, compiled)(tokens, targets, begins, model.new_state(len(tokens)))
    # a processor's states are (key, value)
    turned = (lambda s: s) if device == "cuda" else (lambda s: s.transpose(-1, -2))
    ok = compare(label + " losses", loss.detach().double().cpu(), plain.detach().double().cpu(), tolerance)
    ok &= compare(label + " state", state[-1][2].double().cpu(), turned(plain_state[-1][2]).detach().double().cpu(), tolerance * 3)
    return ok & compare(label + " gradients", gradients(model, loss), plain_gradient, tolerance * 3)


def main():
    ok = check("processor float64", scattered(Rwkv7(SHAPE).double()), False, "cpu", 1e-9)
    if torch.cuda.is_available():
        ok &= check("GPU bfloat16", scattered(Rwkv7(SHAPE)).cuda(), False, "cuda", 2e-2)
        ok &= check("GPU compiled", scattered(Rwkv7(SHAPE)).cuda(), True, "cuda", 2e-2)
    print("ok" if ok else "FAILED")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
