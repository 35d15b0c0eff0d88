"""Checks an exported file against an independent model: one token at a time, numpy, float64.

Prints nats per token on the beginning of the held-out book from both; exits 1 if they differ by more
than the tolerance.
"""
import argparse
import sys

import numpy as np

import tensorfile
from corpus import training_and_held_out
from evaluate import total_nats
from loading import load_model
from tokenizer import VOCAB, Tokenizer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normalise(x, eps):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


class Recurrent:
    """RWKV-7 as a recurrent network.  Vectors are flat, the state of a head is S[value][key]."""

    def __init__(self, path):
        tensors, _ = tensorfile.read(path)
        self.p = {n: t.astype(np.float64).squeeze() if t.shape[:2] == (1, 1) else t.astype(np.float64) for n, t in tensors.items() if t.dtype != "u1"}
        self.H, self.N = self.p["blocks.0.att.r_k"].shape
        self.layers = 1 + max(int(n.split(".")[1]) for n in tensors if n.startswith("blocks."))
        C = self.H * self.N
        self.state = [{"att": np.zeros(C), "ffn": np.zeros(C), "S": np.zeros((self.H, self.N, self.N))} for _ in range(self.layers)]

    def norm(self, x, name):
        return normalise(x, 1e-5) * self.p[name + ".weight"] + self.p[name + ".bias"]

    def time_mixing(self, i, x, v_first):
        s, get = self.state[i], lambda name: self.p["blocks.%d.att.%s" % (i, name)]
        mixed = {c: x + (s["att"] - x) * get("x_" + c) for c in "rwkvag"}
        s["att"] = x
        r, k, v = (get(n + ".weight") @ mixed[n[0]] for n in ("receptance", "key", "value"))
        w = np.exp(-0.606531 * sigmoid(get("w0") + np.tanh(mixed["w"] @ get("w1")) @ get("w2")))
        a = sigmoid(get("a0") + mixed["a"] @ get("a1") @ get("a2"))
        g = sigmoid(mixed["g"] @ get("g1")) @ get("g2")
        if i == 0:
            v_first = v
        else:
            v = v + (v_first - v) * sigmoid(get("v0") + mixed["v"] @ get("v1") @ get("v2"))
        heads = lambda y: y.reshape(self.H, self.N)
        kk = heads(k * get("k_k"))
        kk = kk / np.maximum(np.linalg.norm(kk, axis=1, keepdims=True), 1e-12)
        r, w, a, vh, kh = heads(r), heads(w), heads(a), heads(v), heads(k * (1 + (a - 1) * get("k_a")))
        removed = np.einsum("hvk,hk->hv", s["S"], kk)
        s["S"] = s["S"] * w[:, None, :] - removed[:, :, None] * (kk * a)[:, None, :] + vh[:, :, None] * kh[:, None, :]
        y = normalise(np.einsum("hvk,hk->hv", s["S"], r), 64e-5).reshape(-1) * get("ln_x.weight") + get("ln_x.bias")
        y = y + ((r * kh * get("r_k")).sum(1, keepdims=True) * vh).reshape(-1)
        return get("output.weight") @ (y * g), v_first

    def channel_mixing(self, i, x):
        s, get = self.state[i], lambda name: self.p["blocks.%d.ffn.%s" % (i, name)]
        k = get("key.weight") @ (x + (s["ffn"] - x) * get("x_k"))
        s["ffn"] = x
        return get("value.weight") @ np.maximum(k, 0) ** 2

    def step(self, token):
        x, v_first = self.norm(self.p["emb.weight"][token], "blocks.0.ln0"), None
        for i in range(self.layers):
            y, v_first = self.time_mixing(i, self.norm(x, "blocks.%d.ln1" % i), v_first)
            x = x + y
            x = x + self.channel_mixing(i, self.norm(x, "blocks.%d.ln2" % i))
        return self.p["head.weight"] @ self.norm(x, "ln_out")


def reference_nats(path, tokens):
    model, nats = Recurrent(path), 0.0
    for token, target in zip(tokens, tokens[1:]):
        logits = model.step(token)
        top = logits.max()
        nats += top + np.log(np.exp(logits - top).sum()) - logits[target]
    return nats


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", help="the text of the Fairy Books")
    parser.add_argument("model", help="safetensors file")
    parser.add_argument("--vocab", default=VOCAB)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    args = parser.parse_args()
    text = "\n\n".join(training_and_held_out(args.corpus)[1])
    tokens = ([0] + Tokenizer.load(args.vocab).encode(text))[:args.tokens + 1]
    ours = total_nats(load_model(args.model), [tokens]) / args.tokens
    reference = reference_nats(args.model, tokens) / args.tokens
    print("torch float32 %.6f  numpy float64 %.6f  difference %.1e nats per token" % (ours, reference, abs(ours - reference)))
    sys.exit(0 if abs(ours - reference) <= args.tolerance else 1)


if __name__ == "__main__":
    main()
