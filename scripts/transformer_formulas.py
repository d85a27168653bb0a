"""The formulas of AttnLRP (Achtibat et al., ICML 2024, arXiv 2402.05602) and CP-LRP (Ali et al., ICML 2022,
arXiv 2202.07304), without either library, for scripts/reference-transformers.py: each network is written once, over
what a method does with its operations.
"""

import math

import torch
from torch.nn import functional as F

LAYERS, HEADS, KEY_HEADS, WIDTH, PATCH, EPSILON = 2, 4, 2, 16, 4, 1e-6


class Detached:
    """Gradient x input where factors are constants: the slope f(x)/x of activations and the standard deviation.
    AttnLRP ("attn"): half of each product. CP-LRP: the attention weights too, all to the values; of a gated product,
    of which that paper says nothing, half to each factor ("cp-half"), or all to the signal as LXT has it ("cp")."""

    def __init__(self, method):
        self.method = method

    def linear(self, x, weight, bias=None):
        return F.linear(x, weight, bias)

    def add(self, a, b):
        return a + b

    def constant_times(self, x, c):
        return x * c

    def softmax(self, x):
        return x.softmax(-1)

    def activation(self, f, x):
        return x * (f(x) / x).detach()

    def layer_norm(self, x, weight, bias, epsilon):
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + epsilon).sqrt().detach() * weight + bias

    def rms_norm(self, x, weight, epsilon):
        return x / (x.square().mean(-1, keepdim=True) + epsilon).sqrt().detach() * weight

    def halves(self, f, a, b):
        return (f(a.detach(), b) + f(a, b.detach())) / 2

    def scores(self, query, key):
        return self.halves(torch.matmul, query, key)

    def attended(self, weights, values):
        return weights.detach() @ values if self.method != "attn" else self.halves(torch.matmul, weights, values)

    def gated(self, gate, signal):
        return gate.detach() * signal if self.method == "cp" else self.halves(torch.mul, gate, signal)

    def relevance(self, x, score):
        return torch.autograd.grad(score.sum(), x)[0] * x


class Explicit(Detached):
    """The functions of `lxt.explicit`, whose backward pass carries relevance and not gradients. By default they divide
    by z + 1e-6 (layer norms, linears) or z + 1e-8, whatever the sign of z; `stabilized` does not."""

    def __init__(self, stabilized=True):
        from lxt.explicit import functional, rules

        self.lxt, self.rules = functional, rules
        self.epsilon = {} if stabilized else {"epsilon": 0.0}

    def linear(self, x, weight, bias=None):
        return self.lxt.linear_epsilon(x, weight, bias, **self.epsilon)

    def add(self, a, b):
        return self.lxt.add2(a, b.expand_as(a), **self.epsilon)

    def constant_times(self, x, c):
        return self.lxt.mul2(x, c)

    def softmax(self, x):
        return self.lxt.softmax(x, -1)

    def activation(self, f, x):
        return self.rules.identity(f, x)

    def layer_norm(self, x, weight, bias, epsilon):
        # What `lxt.layer_norm` calls, which has no such argument.
        return self.lxt.layer_norm_grad_fn.apply(x, weight, bias, epsilon, *self.epsilon.values())

    def rms_norm(self, x, weight, epsilon):
        return self.lxt.rms_norm_identity(x, weight, epsilon)

    def scores(self, query, key):
        return self.lxt.matmul(query, key, **self.epsilon)

    def attended(self, weights, values):
        return self.lxt.matmul(weights, values, **self.epsilon)

    def gated(self, gate, signal):
        return self.lxt.mul2(gate, signal)

    def relevance(self, x, score):
        # The seed is the score itself, of each sample.
        return torch.autograd.grad(score, x, score)[0]


class Network:
    """The three networks; `w` has the weights under the names of `transformers`."""

    def __init__(self, ops, w):
        self.ops, self.w = ops, w

    def linear(self, at, x):
        return self.ops.linear(x, self.w[at + ".weight"], self.w.get(at + ".bias"))

    def norm(self, at, x, epsilon):
        return self.ops.layer_norm(x, self.w[at + ".weight"], self.w[at + ".bias"], epsilon)

    def heads(self, at, x, turn=lambda x: x, heads=HEADS):
        x = turn(self.linear(at, x).unflatten(-1, (heads, -1)).transpose(1, 2))
        return x.repeat_interleave(HEADS // heads, 1)

    def attention(self, query, key, value, hidden=None):
        ops = self.ops
        scores = ops.constant_times(ops.scores(query, key.transpose(-1, -2)), 1 / math.sqrt(query.shape[-1]))
        if hidden is not None:
            scores = scores.masked_fill(hidden, -math.inf)
        return ops.attended(ops.softmax(scores), value).transpose(1, 2).flatten(-2)

    def bert(self, x, mask):
        ops, w, at = self.ops, self.w, "bert.embeddings."
        x = ops.add(x, w[at + "token_type_embeddings.weight"][0])
        x = ops.add(x, w[at + "position_embeddings.weight"][: x.shape[1]])
        x = self.norm(at + "LayerNorm", x, 1e-12)
        for i in range(LAYERS):
            at = f"bert.encoder.layer.{i}."
            parts = [self.heads(f"{at}attention.self.{part}", x) for part in ["query", "key", "value"]]
            context = self.attention(*parts, mask[:, None, None] == 0)
            x = ops.add(x, self.linear(at + "attention.output.dense", context))
            x = self.norm(at + "attention.output.LayerNorm", x, 1e-12)
            hidden = ops.activation(F.gelu, self.linear(at + "intermediate.dense", x))
            x = self.norm(at + "output.LayerNorm", ops.add(x, self.linear(at + "output.dense", hidden)), 1e-12)
        pooled = ops.activation(torch.tanh, self.linear("bert.pooler.dense", x[:, 0]))
        return self.linear("classifier", pooled)

    def llama(self, x):
        ops, size, tokens = self.ops, WIDTH // HEADS, x.shape[1]
        angles = torch.arange(tokens)[:, None] / 10000 ** (torch.arange(0, size, 2).double() / size)
        cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)

        def turn(x):
            low, high = x.chunk(2, -1)
            turned = torch.cat([ops.constant_times(high, -1), low], -1)
            return ops.add(ops.constant_times(x, cos), ops.constant_times(turned, sin))

        later = torch.ones(tokens, tokens).triu(1) == 1
        for i in range(LAYERS):
            at = f"model.layers.{i}."
            normal = ops.rms_norm(x, self.w[at + "input_layernorm.weight"], EPSILON)
            query = self.heads(at + "self_attn.q_proj", normal, turn)
            key = self.heads(at + "self_attn.k_proj", normal, turn, heads=KEY_HEADS)
            value = self.heads(at + "self_attn.v_proj", normal, heads=KEY_HEADS)
            x = ops.add(x, self.linear(at + "self_attn.o_proj", self.attention(query, key, value, later)))
            normal = ops.rms_norm(x, self.w[at + "post_attention_layernorm.weight"], EPSILON)
            gate = ops.activation(F.silu, self.linear(at + "mlp.gate_proj", normal))
            hidden = ops.gated(gate, self.linear(at + "mlp.up_proj", normal))
            x = ops.add(x, self.linear(at + "mlp.down_proj", hidden))
        return self.linear("lm_head", ops.rms_norm(x, self.w["model.norm.weight"], EPSILON)[:, -1])

    def vit(self, x):
        ops, w, at = self.ops, self.w, "vit.embeddings."
        # A convolution whose windows do not overlap is a linear of each window.
        windows = x.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        kernel = w[at + "patch_embeddings.projection.weight"].flatten(1)
        x = ops.linear(windows, kernel, w[at + "patch_embeddings.projection.bias"])
        x = torch.cat([w[at + "cls_token"].expand(x.shape[0], -1, -1), x], 1)
        x = ops.add(x, w[at + "position_embeddings"])
        for i in range(LAYERS):
            at = f"vit.encoder.layer.{i}."
            normal = self.norm(at + "layernorm_before", x, EPSILON)
            parts = [self.heads(f"{at}attention.attention.{part}", normal) for part in ["query", "key", "value"]]
            x = ops.add(x, self.linear(at + "attention.output.dense", self.attention(*parts)))
            hidden = self.linear(at + "intermediate.dense", self.norm(at + "layernorm_after", x, EPSILON))
            x = ops.add(x, self.linear(at + "output.dense", ops.activation(F.gelu, hidden)))
        return self.linear("classifier", self.norm("vit.layernorm", x, EPSILON)[:, 0])
