"""The forward pass of model.py for training on a GPU: functions of tensors, which torch.compile fuses around the recurrence.

Weights, the residual stream and sums are float32; factors of products are bfloat16 on a GPU.  Documents begin at multiples of CHUNK.
"""
import torch
import torch.nn.functional as F

from wkv7 import CHUNK, GROUP_NORM_EPS, recurrence


def product(x, w):
    """x @ w' with factors of the type of x"""
    return F.linear(x, w.to(x.dtype))


def shifted(h, before, keep):
    return torch.cat([before.unsqueeze(1), h[:, :-1]], 1) * keep


def enter(kind, N, x, before, keep, v_first, ln_w, ln_b, x_r, x_w, x_k, x_v, x_a, x_g, R, K, V, w0, w1, w2, a0, a1, a2, g1, g2, k_k, k_a, v0, v1, v2):
    """What time mixing gives the recurrence (r, d, k, v, -kk, kk a), the gate, the last token's norm, layer 0's values."""
    B, T, C = x.shape
    h = F.layer_norm(x, (C,), ln_w, ln_b)
    delta = shifted(h, before, keep) - h
    mix = lambda m: (h + delta * m).to(kind)
    xw, xa, xv, xg = mix(x_w), mix(x_a), mix(x_v), mix(x_g)
    r, k, v = product(mix(x_r), R), product(mix(x_k), K).to(x.dtype), product(xv, V)
    d = w0 + product(torch.tanh(product(xw, w1.t())), w2.t())
    a = torch.sigmoid(a0 + product(product(xa, a1.t()), a2.t()))
    g = product(torch.sigmoid(product(xg, g1.t())), g2.t())
    if v_first is None:
        v_first = v
    else:
        v = torch.lerp(v.to(x.dtype), v_first.to(x.dtype), torch.sigmoid(v0 + product(product(xv, v1.t()), v2.t()))).to(kind)
    kk = F.normalize((k * k_k).view(B, T, C // N, N), dim=-1, eps=1e-12).view(B, T, C)
    k = k * (1 + (a - 1) * k_a)
    return r, d, k.to(kind), v, (-kk).to(kind), (kk * a).to(kind), g, h[:, -1].detach().contiguous(), v_first


def enter_first(*args):
    """`enter` for layer 0, which has no values to mix in: another function, so that it is compiled apart."""
    return enter(*args)


def leave(kind, N, x, y, r, k, v, g, before, keep, thin, drop_att, drop_ffn, lnx_w, lnx_b, r_k, O, ln_w, ln_b, x_k, FK, FV):
    """What is made of the recurrence's output, and channel mixing.  thin: 1 where dropout acts."""
    B, T, C = x.shape
    heads = lambda t: t.to(x.dtype).view(B, T, C // N, N)
    y = heads(y)
    y = y - y.mean(-1, keepdim=True)
    y = (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + GROUP_NORM_EPS)).view(B, T, C) * lnx_w + lnx_b
    bonus = ((heads(r) * heads(k) * r_k).sum(-1, keepdim=True) * heads(v)).view(B, T, C)
    x = x + product(((y + bonus) * g.to(x.dtype)).to(kind), O).to(x.dtype) * (1 + thin * (drop_att - 1))
    h = F.layer_norm(x, (C,), ln_w, ln_b)
    inner = product((h + (shifted(h, before, keep) - h) * x_k).to(kind), FK)
    x = x + product(torch.relu(inner).square(), FV).to(x.dtype) * (1 + thin * (drop_ffn - 1))
    return x, h[:, -1].detach().contiguous()


def losses(kind, x, ln_w, ln_b, head, targets):
    """-log p of every target, [B,T]"""
    logits = product(F.layer_norm(x, x.shape[-1:], ln_w, ln_b).to(kind), head).to(x.dtype)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


class Fused:
    """`model` with other steps in between: the same parameters, the same loss."""

    def __init__(self, model, compiled):
        self.model, self.N = model, model.cfg["head_size"]
        parts = (enter_first, enter, leave, losses)
        self.parts = [torch.compile(part, dynamic=False) for part in parts] if compiled else parts

    def masks(self, B, dropout, like):
        """[layers,2,B,1,C]: one for all the tokens of a lane, so that the recurrence sees a consistent thinned network."""
        ones = torch.ones(len(self.model.blocks), 2, B, 1, self.model.cfg["width"], dtype=like.dtype, device=like.device)
        return torch.bernoulli(ones * (1 - dropout)) / (1 - dropout) if dropout else ones

    def __call__(self, tokens, targets, begins, state, dropout=0.0, thin=None):
        """tokens, targets, begins, thin [B,T] -> -log p of every target [B,T], state after them"""
        model, N = self.model, self.N
        first, others, leave_, losses_ = self.parts
        C, wide = model.cfg["width"], model.emb.weight.dtype
        kind = torch.bfloat16 if tokens.is_cuda else wide
        keep, reset = (1 - begins.to(wide)).unsqueeze(-1), begins[:, ::CHUNK].to(torch.uint8).contiguous()
        masks = self.masks(len(tokens), dropout, keep)
        thin = torch.zeros_like(keep) if thin is None else thin.to(wide).unsqueeze(-1)
        ln0 = model.blocks[0].ln0
        x, v_first, after = F.layer_norm(F.embedding(tokens, model.emb.weight), (C,), ln0.weight, ln0.bias), None, []
        for i, (block, (att_x, ffn_x, S)) in enumerate(zip(model.blocks, state)):
            t, f = block.att, block.ffn
            # flat vectors: torch 2.11 gives those of shape [1,1,C] a gradient of shape [C] when it fuses a product and a sum
            vectors = [p.view(C) for p in (t.x_r, t.x_w, t.x_k, t.x_v, t.x_a, t.x_g)]
            values = (t.v0.view(C), t.v1, t.v2) if i else (None, None, None)
            r, d, k, v, a, b, g, att_x, v_first = (others if i else first)(
                kind, N, x, att_x, keep, v_first, block.ln1.weight, block.ln1.bias, *vectors, t.receptance.weight, t.key.weight, t.value.weight,
                t.w0.view(C), t.w1, t.w2, t.a0.view(C), t.a1, t.a2, t.g1, t.g2, t.k_k.view(C), t.k_a.view(C), *values)
            y, S = recurrence(r, d, k, v, a, b, reset, S)
            x, ffn_x = leave_(kind, N, x, y, r, k, v, g, ffn_x, keep, thin, masks[i, 0], masks[i, 1], t.ln_x.weight, t.ln_x.bias, t.r_k,
                              t.output.weight, block.ln2.weight, block.ln2.bias, f.x_k.view(C), f.key.weight, f.value.weight)
            after.append((att_x, ffn_x, S))
        return losses_(kind, x, model.ln_out.weight, model.ln_out.bias, model.head.weight, targets), after
