"""Checks wkv7.cpp against autograd through plain loops.  Prints the errors, exits 1 on failure."""
import sys

import torch
import torch.nn.functional as F

from wkv7 import shift_mix, wkv7

NAMES = "r d k v a k_k k_a r_k ln_w ln_b".split()


def loop_wkv7(r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state):
    """The formulas, one token at a time, state [B,H,value,key]."""
    B, T, C = r.shape
    H, N = r_k.shape
    heads = lambda x: x.view(B, T, H, N)
    w = torch.exp(-0.606531 * torch.sigmoid(d))
    a = torch.sigmoid(a)
    kk = F.normalize(heads(k * k_k), dim=-1, eps=1e-12)
    k = k * (1 + (a - 1) * k_a)
    r, w, k, v, a = map(heads, (r, w, k, v, a))
    S, out = state.transpose(-1, -2), []
    for t in range(T):
        S = S * keep[:, t].view(B, 1, 1, 1)
        removed = S @ -kk[:, t].unsqueeze(-1)
        S = S * w[:, t].unsqueeze(-2) + removed @ (kk * a)[:, t].unsqueeze(-2) + v[:, t].unsqueeze(-1) @ k[:, t].unsqueeze(-2)
        out.append((S @ r[:, t].unsqueeze(-1)).view(B, C))
    y = torch.stack(out, 1).view(B * T, C)
    y = F.group_norm(y, H, ln_w, ln_b, eps=64e-5).view(B, T, C)
    bonus = (r * k * r_k).sum(-1, keepdim=True) * v
    return y + bonus.view(B, T, C), S.transpose(-1, -2)


def loop_shift_mix(x, before, keep, mu):
    prev = torch.cat([before.unsqueeze(1), x[:, :-1]], 1) * keep.unsqueeze(-1)
    return torch.stack([x + (prev - x) * m for m in mu])


def compare(name, ours, theirs, tolerance):
    worst = (ours - theirs).abs().max().item() / max(1.0, theirs.abs().max().item())
    print("%-28s %.2e (at most %.0e)" % (name, worst, tolerance))
    return worst <= tolerance


def gradients(function, inputs, weight):
    leaves = [x.detach().clone().requires_grad_(x.requires_grad) for x in inputs]
    out = function(*leaves)
    last = out[1] if isinstance(out, tuple) else None
    out = out[0] if isinstance(out, tuple) else out
    (out * weight).sum().backward()
    return out.detach(), last, [x.grad for x in leaves if x.requires_grad]


def check(label, dtype, N, tolerance, B=2, T=37, H=2):
    torch.manual_seed(1)
    C = H * N
    rand = lambda *shape: torch.randn(*shape, dtype=dtype)
    keep = (torch.rand(B, T) > 0.1).to(dtype)  # several document starts, so that resets are checked too
    vectors = [rand(C).requires_grad_(), rand(C).requires_grad_(), rand(H, N).requires_grad_(), rand(C).requires_grad_(),
               rand(C).requires_grad_()]
    inputs = [rand(B, T, C).requires_grad_() for _ in range(5)] + [keep] + vectors + [rand(B, H, N, N) * 0.3]
    weight = rand(B, T, C)
    z0, s0, g0 = gradients(loop_wkv7, inputs, weight)
    z1, s1, g1 = gradients(wkv7, inputs, weight)
    ok = compare(label + " output", z1, z0, tolerance) & compare(label + " last state", s1, s0.detach(), tolerance)
    for name, ours, theirs in zip(NAMES, g1, g0):
        ok &= compare(label + " grad " + name, ours, theirs, tolerance)

    inputs = [rand(B, T, C).requires_grad_(), rand(B, C), keep, rand(6, C).requires_grad_()]
    weight = rand(6, B, T, C)
    z0, _, g0 = gradients(loop_shift_mix, inputs, weight)
    z1, _, g1 = gradients(lambda *x: torch.stack(shift_mix(*x)), inputs, weight)
    ok &= compare(label + " shift_mix", z1, z0, tolerance)
    for name, ours, theirs in zip(["x", "mu"], g1, g0):
        ok &= compare(label + " shift_mix grad " + name, ours, theirs, tolerance)
    return ok


def main():
    ok = True
    for N in (16, 32, 64):
        ok &= check("float64 N=%d" % N, torch.float64, N, 1e-10)
    ok &= check("float32 N=64", torch.float32, 64, 1e-4)
    print("ok" if ok else "FAILED")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
