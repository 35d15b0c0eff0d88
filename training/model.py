"""RWKV-7 for training, with the tensor names of the official checkpoints."""
import math

import torch
import torch.nn as nn

from wkv7 import shift_mix, wkv7

MIXED = "rwkvag"


def low_rank_init(rows, cols, scale):
    """Orthogonal, so that all directions of the small space are used from the start."""
    return nn.init.orthogonal_(torch.empty(rows, cols), gain=math.sqrt(max(rows / cols, cols / rows)) * scale)


class Matmul16(torch.autograd.Function):
    """x @ w with bfloat16 factors and float32 sums: twice as fast where the processor has the instructions."""

    @staticmethod
    def forward(ctx, x, w):
        x16, w16 = x.flatten(0, -2).bfloat16(), w.bfloat16()
        ctx.save_for_backward(x16, w16)
        ctx.shape = x.shape
        return (x16 @ w16).float().view(*x.shape[:-1], w.shape[1])

    @staticmethod
    def backward(ctx, grad):
        x16, w16 = ctx.saved_tensors
        g16 = grad.flatten(0, -2).bfloat16()
        return (g16 @ w16.t()).float().view(ctx.shape), (x16.t() @ g16).float()


class Precision:
    """Whether products are made with bfloat16 factors; only training sets this, and never for evaluation."""
    bfloat16 = False


def matmul(x, w):
    return Matmul16.apply(x, w) if Precision.bfloat16 else x @ w


class Matrix(nn.Linear):
    """A weight [out,in] without bias, as the checkpoint stores it."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x):
        return matmul(x, self.weight.t())


class SquaredRelu(torch.autograd.Function):
    """relu(x)^2 in two passes over the widest tensor of the block instead of six."""

    @staticmethod
    def forward(ctx, x):
        x = x.clamp_min(0)
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return ctx.saved_tensors[0].mul(2).mul_(grad)


class TimeMixing(nn.Module):
    def __init__(self, layer, cfg):
        super().__init__()
        C, N = cfg["width"], cfg["head_size"]
        self.layer, self.H, self.N = layer, C // N, N
        depth = layer / max(1, cfg["layers"] - 1)           # 0 .. 1
        remaining = 1 - layer / cfg["layers"]               # 1 .. >0
        place = torch.arange(C) / C                          # 0 .. 1 over the channels
        inside = torch.arange(C) % N / (N - 1) * 2 - 1       # -1 .. 1 over the channels of a head
        vector = lambda x: nn.Parameter(x.reshape(1, 1, C).clone())
        matrix = lambda: Matrix(C, C)

        # Token shift: early channels mix in more of the token before, deeper layers less.
        powers = dict(r=0.2, w=0.9, k=0.7, v=0.7, a=0.9, g=0.2)
        for name in MIXED:
            setattr(self, "x_" + name, vector(1 - place ** (powers[name] * remaining)))

        # Decay: from a long memory in the first channels to a short one in the last ones.
        self.w0 = vector(-5.5 + 5 * place ** (0.85 + depth ** 0.5) + 0.5 * inside * inside.abs())
        self.w1 = nn.Parameter(torch.zeros(C, cfg["rank_w"]))
        self.w2 = nn.Parameter(low_rank_init(cfg["rank_w"], C, 0.1))
        self.a0 = vector(-0.2 + 0.3 * inside)
        self.a1 = nn.Parameter(torch.zeros(C, cfg["rank_a"]))
        self.a2 = nn.Parameter(low_rank_init(cfg["rank_a"], C, 0.1))
        if layer > 0:
            self.v0 = vector(0.7 - 0.4 * place)
            self.v1 = nn.Parameter(torch.zeros(C, cfg["rank_v"]))
            self.v2 = nn.Parameter(low_rank_init(cfg["rank_v"], C, 0.1))
        self.g1 = nn.Parameter(torch.zeros(C, cfg["rank_g"]))
        self.g2 = nn.Parameter(low_rank_init(cfg["rank_g"], C, 0.1))

        self.k_k = vector(0.7 - 0.1 * inside)
        self.k_a = vector(torch.full((C,), 1.0))
        self.r_k = nn.Parameter(torch.full((self.H, N), -0.04))
        self.receptance, self.key, self.value, self.output = matrix(), matrix(), matrix(), matrix()
        bound = C ** -0.5
        nn.init.uniform_(self.receptance.weight, -0.5 * bound, 0.5 * bound)
        nn.init.uniform_(self.key.weight, -0.05 * bound, 0.05 * bound)
        nn.init.uniform_(self.value.weight, -0.5 * bound, 0.5 * bound)
        nn.init.zeros_(self.output.weight)
        self.ln_x = nn.GroupNorm(self.H, C, eps=64e-5)
        nn.init.constant_(self.ln_x.weight, ((1 + layer) / cfg["layers"]) ** 0.7)

    def forward(self, x, keep, before, state, v_first):
        B, T, C = x.shape
        mu = torch.cat([getattr(self, "x_" + name).view(1, C) for name in MIXED])
        xr, xw, xk, xv, xa, xg = shift_mix(x, before, keep, mu)
        r, k, v = self.receptance(xr), self.key(xk), self.value(xv)
        d = self.w0 + matmul(torch.tanh(matmul(xw, self.w1)), self.w2)
        a = self.a0 + matmul(matmul(xa, self.a1), self.a2)
        g = matmul(torch.sigmoid(matmul(xg, self.g1)), self.g2)
        if v_first is None:
            v_first = v
        else:
            v = torch.lerp(v, v_first, torch.sigmoid(self.v0 + matmul(matmul(xv, self.v1), self.v2)))
        y, state = wkv7(r, d, k, v, a, keep, self.k_k, self.k_a, self.r_k, self.ln_x.weight, self.ln_x.bias, state)
        return self.output(y * g), state, v_first


class ChannelMixing(nn.Module):
    def __init__(self, layer, cfg):
        super().__init__()
        C = cfg["width"]
        self.x_k = nn.Parameter((1 - (torch.arange(C) / C) ** (1 - layer / cfg["layers"]) ** 4).view(1, 1, C))
        self.key = Matrix(C, 4 * C)
        self.value = Matrix(4 * C, C)
        nn.init.uniform_(self.key.weight, -0.5 * C ** -0.5, 0.5 * C ** -0.5)
        nn.init.zeros_(self.value.weight)

    def forward(self, x, keep, before):
        xk = shift_mix(x, before, keep, self.x_k.view(1, -1))[0]
        return self.value(SquaredRelu.apply(self.key(xk)))


class Block(nn.Module):
    def __init__(self, layer, cfg):
        super().__init__()
        C = cfg["width"]
        if layer == 0:
            self.ln0 = nn.LayerNorm(C)
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.att, self.ffn = TimeMixing(layer, cfg), ChannelMixing(layer, cfg)

    def forward(self, x, keep, state, v_first, drop):
        att_x, ffn_x, S = state
        h = self.ln1(x)
        y, S, v_first = self.att(h, keep, att_x, S, v_first)
        x = x + drop(y)
        h2 = self.ln2(x)
        x = x + drop(self.ffn(h2, keep, ffn_x))
        return x, (h[:, -1].detach(), h2[:, -1].detach(), S), v_first


class Rwkv7(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        V, C = cfg["vocab"], cfg["width"]
        self.emb = nn.Embedding(V, C)
        self.blocks = nn.ModuleList(Block(i, cfg) for i in range(cfg["layers"]))
        self.ln_out = nn.LayerNorm(C)
        self.head = Matrix(C, V)
        nn.init.uniform_(self.emb.weight, -1e-2, 1e-2)
        nn.init.orthogonal_(self.head.weight, gain=0.5 * math.sqrt(max(1, V / C)))

    def new_state(self, B):
        C, N, dtype = self.cfg["width"], self.cfg["head_size"], self.emb.weight.dtype
        zeros = lambda *shape: torch.zeros(*shape, dtype=dtype, device=self.emb.weight.device)
        return [(zeros(B, C), zeros(B, C), zeros(B, C // N, N, N)) for _ in self.blocks]

    def forward(self, tokens, begins, state, dropout=0.0, wanted=None):
        """tokens [B,T], begins [B,T]: where a document begins, from an empty state -> logits [B,T,V], state after them.
        wanted [B,T]: where logits are needed, one in four of all that is read while learning -> logits [n,V] of these alone"""
        x = self.blocks[0].ln0(self.emb(tokens))
        keep = 1 - begins.to(x.dtype)

        def drop(y):
            # One mask for all the tokens of a lane: cheap, and the recurrence sees a consistent thinned network.
            if not dropout:
                return y
            return y * (torch.rand(y.shape[0], 1, y.shape[2]) >= dropout).to(y.dtype).div_(1 - dropout)

        x, after, v_first = drop(x), [], None
        for block, s in zip(self.blocks, state):
            x, s, v_first = block(x, keep, s, v_first, drop)
            after.append(s)
        return self.head(self.ln_out(x if wanted is None else x[wanted])), after
