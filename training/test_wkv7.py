"""Checks the kernels against autograd through the formulas: wkv7.cpp here, wkv7_cuda.cu too where there is a GPU.

Prints the errors, exits 1 on failure.
"""
import sys

import torch
import torch.nn.functional as F

from wkv7 import CHUNK, DECAY, around, loop, shift_mix, wkv7

NAMES = "r d k v a k_k k_a r_k ln_w ln_b".split()


def by_formulas(r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state):
    """One token at a time, state [B,H,value,key]; documents may begin at any token."""
    B, T, C = r.shape
    H, N = r_k.shape
    heads = lambda x: x.view(B, T, H, N)
    w, a = torch.exp(DECAY * torch.sigmoid(d)), torch.sigmoid(a)
    kk = F.normalize(heads(k * k_k), dim=-1, eps=1e-12)
    k = k * (1 + (a - 1) * k_a)
    r, w, k, v, a = map(heads, (r, w, k, v, a))
    S, out = state, []
    for t in range(T):
        S = S * keep[:, t].view(B, 1, 1, 1)
        removed = S @ -kk[:, t].unsqueeze(-1)
        S = S * w[:, t].unsqueeze(-2) + removed @ (kk * a)[:, t].unsqueeze(-2) + v[:, t].unsqueeze(-1) @ k[:, t].unsqueeze(-2)
        out.append((S @ r[:, t].unsqueeze(-1)).view(B, C))
    y = F.group_norm(torch.stack(out, 1).view(B * T, C), H, ln_w, ln_b, eps=64e-5).view(B, T, C)
    return y + ((r * k * r_k).sum(-1, keepdim=True) * v).view(B, T, C), S


def by_shifting(x, before, keep, mu):
    prev = torch.cat([before.unsqueeze(1), x[:, :-1]], 1) * keep.unsqueeze(-1)
    return torch.stack([x + (prev - x) * m for m in mu])


def on_processor(*inputs):
    """The processor's states are [key,value]."""
    *rest, state = inputs
    y, last = wkv7(*rest, state.transpose(-1, -2))
    return y, last.transpose(-1, -2)


def on_gpu(*inputs):
    y, last = wkv7(*(x.cuda() for x in inputs))
    return y.cpu(), last.cpu()


def around_loop(*inputs):
    """What is done around the GPU's kernel, with the formulas in its place."""
    return around(loop, *inputs)


def compare(name, ours, theirs, tolerance):
    worst = (ours - theirs).abs().max().item() / max(1.0, theirs.abs().max().item())
    print("%-32s %.2e (at most %.0e)" % (name, worst, tolerance))
    return worst <= tolerance


def gradients(function, inputs, weight):
    leaves = [x.detach().clone().requires_grad_(x.requires_grad) for x in inputs]
    out = function(*leaves)
    out, last = out if isinstance(out, tuple) else (out, None)
    (out * weight).sum().backward()
    return out.detach(), last, [x.grad for x in leaves if x.requires_grad]


def check(label, function, dtype, N, tolerance, B=2, T=48, H=2, every=1):
    """every: documents begin at multiples of it, several of them, so that emptying the state is checked too."""
    torch.manual_seed(1)
    C = H * N
    rand = lambda *shape: torch.randn(*shape, dtype=dtype)
    keep = torch.ones(B, T, dtype=dtype)
    keep[:, ::every] = (torch.rand(B, -(-T // every)) > (0.1 if every == 1 else 0.4)).to(dtype)
    vectors = [rand(C).requires_grad_(), rand(C).requires_grad_(), rand(H, N).requires_grad_(), rand(C).requires_grad_(), rand(C).requires_grad_()]
    inputs = [rand(B, T, C).requires_grad_() for _ in range(5)] + [keep] + vectors + [rand(B, H, N, N) * 0.3]
    weight = rand(B, T, C)
    z0, s0, g0 = gradients(by_formulas, inputs, weight)
    z1, s1, g1 = gradients(function, inputs, weight)
    ok = compare(label + " output", z1, z0, tolerance) & compare(label + " last state", s1.detach(), s0.detach(), tolerance)
    for name, ours, theirs in zip(NAMES, g1, g0):
        ok &= compare(label + " grad " + name, ours, theirs, tolerance)
    return ok


def check_shift(label, function, dtype, tolerance, B=2, T=37, C=128):
    torch.manual_seed(2)
    rand = lambda *shape: torch.randn(*shape, dtype=dtype)
    inputs = [rand(B, T, C).requires_grad_(), rand(B, C), (torch.rand(B, T) > 0.1).to(dtype), rand(6, C).requires_grad_()]
    weight = rand(6, B, T, C)
    z0, _, g0 = gradients(by_shifting, inputs, weight)
    z1, _, g1 = gradients(function, inputs, weight)
    ok = compare(label + " shift_mix", z1, z0, tolerance)
    for name, ours, theirs in zip(["x", "mu"], g1, g0):
        ok &= compare(label + " shift_mix grad " + name, ours, theirs, tolerance)
    return ok


def main():
    ok = True
    for N in (16, 32, 64):
        ok &= check("processor float64 N=%d" % N, on_processor, torch.float64, N, 1e-10)
    ok &= check("processor float32 N=64", on_processor, torch.float32, 64, 1e-4)
    ok &= check_shift("processor float64", lambda *x: torch.stack(shift_mix(*x)), torch.float64, 1e-10)
    ok &= check("around the loop float64", around_loop, torch.float64, 64, 1e-10, every=CHUNK)
    if torch.cuda.is_available():
        ok &= check("GPU float32 N=64", on_gpu, torch.float32, 64, 1e-4, every=CHUNK)
        ok &= check_shift("GPU float32", lambda *x: torch.stack(shift_mix(*(t.cuda() for t in x))).cpu(), torch.float32, 1e-4)
    print("ok" if ok else "FAILED")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
