"""Loads wkv7.cpp (compiled on first use, cached by torch) and gives its operations gradients."""
import os

import torch
from torch.utils import cpp_extension

_kernel = cpp_extension.load(
    name="wkv7_kernel",
    sources=[os.path.join(os.path.dirname(os.path.abspath(__file__)), "wkv7.cpp")],
    extra_cflags=["-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512", "-fopenmp"],
    extra_ldflags=["-fopenmp"],
)


class _Wkv7(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        tensors = [t.contiguous() for t in tensors]
        z, y, saved, last = _kernel.wkv7_forward(tensors)
        ctx.save_for_backward(*tensors, y, saved)
        ctx.mark_non_differentiable(last)
        return z, last

    @staticmethod
    def backward(ctx, dz, _):
        *tensors, y, saved = ctx.saved_tensors
        g = _kernel.wkv7_backward(list(tensors), y, saved, dz.contiguous())
        r, d, k, v, a, k_k, k_a, r_k, ln_w, ln_b = g
        shape = lambda grad, i: grad.view_as(tensors[i])
        return (r, d, k, v, a, None, shape(k_k, 6), shape(k_a, 7), shape(r_k, 8), shape(ln_w, 9), shape(ln_b, 10), None)


class _ShiftMix(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, before, keep, mu):
        x, before, mu = x.contiguous(), before.contiguous(), mu.contiguous()
        ctx.save_for_backward(x, before, keep, mu)
        return tuple(_kernel.shift_mix_forward(x, before, keep, mu))

    @staticmethod
    def backward(ctx, *grads):
        dx, dmu = _kernel.shift_mix_backward(*ctx.saved_tensors, [g.contiguous() for g in grads])
        return dx, None, None, dmu


def wkv7(r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state):
    """(output before the gate [B,T,C], last state [B,H,key,value]); no gradient flows through the state."""
    return _Wkv7.apply(r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state)


def shift_mix(x, before, keep, mu):
    """A tuple of [B,T,C]: x mixed with the token before it by each row of mu."""
    return _ShiftMix.apply(x, before, keep, mu)
