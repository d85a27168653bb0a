"""The methods in PyTorch: its own gradient, Zennit's composites, Captum's methods, and AttnLRP by detached factors."""

from contextlib import contextmanager

import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Saliency
from torch import nn
from transformers.models.bert import modeling_bert
from zennit import composites
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.rules import Epsilon, Norm, Pass
from zennit.torchvision import ResNetCanonizer, VGGCanonizer
from zennit.types import Activation, AvgPool, BatchNorm, Convolution, Linear
from zennit.layer import Sum

RUNS = 5
BOX = (-3.0, 3.0)
TARGET = 0


def canonizers(name):
    known = {"resnet50": ResNetCanonizer, "vgg16-bn": VGGCanonizer}
    return [known.get(name, SequentialMergeBatchNorm)()]


def epsilon(given, **settings):
    layers = [(Activation, Pass()), (Sum, Norm()), (AvgPool, Norm()), (BatchNorm, Pass()),
              ((Convolution, Linear), Epsilon())]
    return composites.LayerMapComposite(layers, **settings)


ZENNIT = {
    "epsilon": epsilon,
    "epsilon-plus-flat": lambda given, **settings: composites.EpsilonPlusFlat(**settings),
    "epsilon-gamma-box": lambda given, **settings: composites.EpsilonGammaBox(
        low=torch.full_like(given, BOX[0]), high=torch.full_like(given, BOX[1]), **settings),
    "epsilon-alpha2-beta1-flat": lambda given, **settings: composites.EpsilonAlpha2Beta1Flat(**settings),
}


@contextmanager
def prepared(composite, model):
    """The model with the composite's hooks and canonizers. Zennit 0.5.1 leaves the epsilon in the batch norms that it
    merged, which scales their output by 1 / sqrt(1 + epsilon); here it is 0."""
    with composite.context(model) as changed:
        merged = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        kept = [norm.eps for norm in merged]
        for norm in merged:
            norm.eps = 0.0
        try:
            yield changed
        finally:
            for norm, eps in zip(merged, kept):
                norm.eps = eps


def propagated(model, x, seed_is_one=False):
    """What autograd makes of the score: the gradient, or what hooks turned it into."""
    x = x.detach().requires_grad_()
    output = model(x)
    seed = torch.zeros_like(output)
    seed[:, TARGET] = 1.0 if seed_is_one else output.detach()[:, TARGET]
    return torch.autograd.grad(output, x, seed)[0]


class DetachedNorm(nn.LayerNorm):
    """Layer norm with the standard deviation as a constant: Achtibat et al., ICML 2024, arXiv 2402.05602."""

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
        return centred / (variance + self.eps).sqrt().detach() * self.weight + self.bias


class DetachedGelu(nn.Module):
    def forward(self, x):
        return x * (nn.functional.gelu(x) / x).detach()


def half(x):
    """Each factor of a product gets half of its relevance."""
    return 0.5 * x + (0.5 * x).detach()


def detached_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, **_):
    scores = half(query) @ half(key).transpose(-1, -2) / query.shape[-1] ** 0.5
    return half(scores.softmax(-1)) @ half(value)


@contextmanager
def attn_lrp(model):
    """The model with the factors of AttnLRP detached, so that input times gradient is the relevance."""
    changed = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    for norm in changed:
        norm.__class__ = DetachedNorm
    gelus = [layer.intermediate for layer in model.bert.encoder.layer]
    kept = [module.intermediate_act_fn for module in gelus]
    for module in gelus:
        module.intermediate_act_fn = DetachedGelu()
    own = nn.functional.scaled_dot_product_attention
    torch.nn.functional.scaled_dot_product_attention = detached_attention

    def forward(x):
        mean = model.bert(inputs_embeds=x).last_hidden_state.mean(1)
        return mean / mean.norm(dim=1, keepdim=True).detach()

    try:
        yield forward
    finally:
        torch.nn.functional.scaled_dot_product_attention = own
        for norm in changed:
            norm.__class__ = nn.LayerNorm
        for module, function in zip(gelus, kept):
            module.intermediate_act_fn = function


class Reference:
    """A network and an input, explained by PyTorch."""

    def __init__(self, name, model, given):
        self.name, self.model, self.takes_ids = name, model, name == "minilm"
        self.x = model.embed(given).detach() if self.takes_ids else given.to(next(model.parameters()).dtype)

    @contextmanager
    def method(self, method):
        """A function of no arguments that explains, prepared as far as the method can be."""
        if method == "forward":
            yield torch.no_grad()(lambda: self.model(self.x))
        elif method == "gradient":
            yield lambda: propagated(self.model, self.x, seed_is_one=True)
        elif method == "attn-lrp":
            with attn_lrp(self.model) as changed:
                yield lambda: self.x * propagated(changed, self.x, seed_is_one=True)
        elif method == "integrated-gradients":
            explainer = IntegratedGradients(self.model)
            yield lambda: explainer.attribute(self.x, target=TARGET, n_steps=RUNS, method="riemann_right",
                                              internal_batch_size=len(self.x))
        elif method == "smoothgrad":
            explainer = NoiseTunnel(Saliency(self.model))
            yield lambda: explainer.attribute(self.x, target=TARGET, nt_samples=RUNS, nt_samples_batch_size=1,
                                              abs=False)
        else:
            composite = ZENNIT[method](self.x[:1], canonizers=canonizers(self.name))
            with prepared(composite, self.model) as changed:
                yield lambda: propagated(changed, self.x)

    def explain(self, method):
        with self.method(method) as explain:
            relevance = explain().detach()
        return relevance.sum(-1) if self.takes_ids else relevance
