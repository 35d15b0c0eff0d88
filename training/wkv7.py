"""The two slow parts of RWKV-7 with their gradients: wkv7.cpp on a processor, wkv7_cuda.cu on an NVIDIA GPU.

Both are compiled on first use.  A state belongs to the device that made it: its axes are (key, value) on a processor and
(value, key) on a GPU.
"""
import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 16  # on a GPU, T is a multiple of it and documents begin at multiples of it
HEAD = 64  # the only head size on a GPU
DECAY = -0.606531
GROUP_NORM_EPS = 64e-5


def wkv7(r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state):
    """(output before the gate [B,T,C], last state [B,H,64,64]); no gradient flows through the state.

    r, d, k, v, a [B,T,C]: receptance, decay before its squashing, key, value, learning rate before its sigmoid.
    keep [B,T]: 0 where a document begins, from an empty state.
    """
    if not r.is_cuda:
        return _Processor.apply(r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state)
    return around(recurrence, r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state)


def shift_mix(x, before, keep, mu):
    """A tuple of [B,T,C]: x mixed with the token before it by each row of mu [J,C].  before [B,C] precedes the first token."""
    if not x.is_cuda:
        return _ShiftMix.apply(x, before, keep, mu)
    delta = torch.cat([before.unsqueeze(1), x[:, :-1]], 1) * keep.unsqueeze(-1) - x
    return tuple(x + delta * m for m in mu)


# --- processor: everything that happens inside a head is one kernel

@functools.lru_cache(None)
def processor_kernel():
    from torch.utils import cpp_extension
    return cpp_extension.load(
        name="wkv7_kernel", sources=[os.path.join(HERE, "wkv7.cpp")], extra_ldflags=["-fopenmp"],
        extra_cflags=["-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512", "-fopenmp"])


class _Processor(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        tensors = [t.contiguous() for t in tensors]
        z, y, saved, last = processor_kernel().wkv7_forward(tensors)
        ctx.save_for_backward(*tensors, y, saved)
        ctx.mark_non_differentiable(last)
        return z, last

    @staticmethod
    def backward(ctx, dz, _):
        *tensors, y, saved = ctx.saved_tensors
        g = processor_kernel().wkv7_backward(list(tensors), y, saved, dz.contiguous())
        r, d, k, v, a, k_k, k_a, r_k, ln_w, ln_b = g
        shape = lambda grad, i: grad.view_as(tensors[i])
        return (r, d, k, v, a, None, shape(k_k, 6), shape(k_a, 7), shape(r_k, 8), shape(ln_w, 9), shape(ln_b, 10), None)


class _ShiftMix(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, before, keep, mu):
        x, before, mu = x.contiguous(), before.contiguous(), mu.contiguous()
        ctx.save_for_backward(x, before, keep, mu)
        return tuple(processor_kernel().shift_mix_forward(x, before, keep, mu))

    @staticmethod
    def backward(ctx, *grads):
        dx, dmu = processor_kernel().shift_mix_backward(*ctx.saved_tensors, [g.contiguous() for g in grads])
        return dx, None, None, dmu


# --- GPU: the recurrence is the kernel, what is around it is left to torch

def around(steps, r, d, k, v, a, keep, k_k, k_a, r_k, ln_w, ln_b, state):
    """wkv7 for steps(r, d, k, v, -kk, kk a, reset, state) -> (y, last state)."""
    B, T, C = r.shape
    H, N = r_k.shape
    heads = lambda x: x.view(B, T, H, N)
    a = torch.sigmoid(a)
    kk = F.normalize(heads(k * k_k.view(C)), dim=-1, eps=1e-12).view(B, T, C)
    k = k * (1 + (a - 1) * k_a.view(C))
    reset = (keep[:, ::CHUNK] == 0).to(torch.uint8).contiguous()
    y, last = steps(r, d, k, v, -kk, kk * a, reset, state)
    y = F.group_norm(y.reshape(B * T, C), H, ln_w, ln_b, eps=GROUP_NORM_EPS).view(B, T, C)
    bonus = (heads(r) * heads(k) * r_k).sum(-1, keepdim=True) * heads(v)
    return y + bonus.view(B, T, C), last


@functools.lru_cache(None)
def gpu_kernel():
    """Compiled once for each version of the source; a few seconds, for it needs no headers of torch."""
    source = os.path.join(HERE, "wkv7_cuda.cu")
    with open(source, "rb") as file:
        name = "wkv7-%s.so" % hashlib.sha256(file.read()).hexdigest()[:12]
    path = os.path.join(tempfile.gettempdir(), name)
    if not os.path.exists(path):
        compiler = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
        subprocess.run([compiler, "-O3", "-arch=native", "-Xcompiler", "-fPIC", "-shared", "-o", path + ".new", source], check=True)
        os.replace(path + ".new", path)
    return ctypes.CDLL(path)


def _call(function, shape, tensors):
    """The last argument is the stream.  Every tensor is contiguous and lives until the kernel has been queued."""
    B, T, C = shape
    half = tensors[0].dtype == torch.bfloat16
    pointers = [ctypes.c_void_p(t.data_ptr()) for t in tensors]
    stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
    error = function(ctypes.c_int(half), ctypes.c_int(B), ctypes.c_int(T), ctypes.c_int(C // HEAD), *pointers, stream)
    if error:
        raise RuntimeError("CUDA error %d" % error)


class _Gpu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, r, d, k, v, a, b, reset, first):
        B, T, C = r.shape
        r, d, k, v, a, b, first = (x.contiguous() for x in (r, d, k, v, a, b, first))
        y, removed = torch.empty_like(r), torch.empty_like(d)
        kept = torch.empty(B, C // HEAD, T // CHUNK, HEAD, HEAD, dtype=torch.float32, device=r.device)
        _call(gpu_kernel().wkv7_forward, r.shape, (r, d, k, v, a, b, reset, first, y, kept, removed))
        last = kept[:, :, -1].clone()
        ctx.save_for_backward(r, d, k, v, a, b, reset, kept, removed)
        ctx.mark_non_differentiable(last)
        return y, last

    @staticmethod
    def backward(ctx, dy, _):
        r, d, k, v, a, b, reset, kept, removed = ctx.saved_tensors
        dr, dd, dk, dv, da, db = (torch.empty_like(x) for x in (r, d, k, v, a, b))
        _call(gpu_kernel().wkv7_backward, r.shape, (r, d, k, v, a, b, reset, kept, removed, dy.to(r.dtype).contiguous(), dr, dd, dk, dv, da, db))
        return dr, dd, dk, dv, da, db, None, None


def recurrence(r, d, k, v, a, b, reset, first):
    """r, k, v, a, b [B,T,C] float or bfloat16; d [B,T,C] float, the decay before its squashing; reset [B,T/CHUNK] bytes: a document
    begins here; first [B,H,64,64] (value, key) -> y [B,T,C], the last state, through which no gradient flows"""
    return (_Gpu.apply if r.is_cuda else loop)(r, d, k, v, a, b, reset, first)


def loop(r, d, k, v, a, b, reset, first):
    """The recurrence by its formulas, one token at a time, with the arguments of the GPU's kernel: for tests."""
    B, T, C = r.shape
    N = first.shape[-1]
    heads = lambda x: x.view(B, T, C // N, N)
    r, w, k, v, a, b = map(heads, (r, torch.exp(DECAY * torch.sigmoid(d)), k, v, a, b))
    S, out = first, []
    for t in range(T):
        if t % CHUNK == 0:
            S = S * (1 - reset[:, t // CHUNK].to(S.dtype)).view(B, 1, 1, 1)
        removed = S @ a[:, t].unsqueeze(-1)
        S = S * w[:, t].unsqueeze(-2) + removed @ b[:, t].unsqueeze(-2) + v[:, t].unsqueeze(-1) @ k[:, t].unsqueeze(-2)
        out.append((S @ r[:, t].unsqueeze(-1)).reshape(B, C))
    return torch.stack(out, 1), S.detach()
