"""The networks in PyTorch, with random weights, and the files that the other side reads.

Batch norms get the statistics of a batch of random images, so that values stay of one size through all layers, as they
do in a trained network.
"""

import re

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file
from torch import nn
from torchvision import models
from transformers import BertConfig, BertModel
from zennit.layer import Sum

IMAGE = (3, 224, 224)
TOKENS = 128
VOCABULARY = 30522


class ConvNorm(nn.Module):
    def __init__(self, channels, kernel, stride=1, groups=1):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv2d(*channels, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(channels[1], eps=1e-3)

    def forward(self, x):
        # As TensorFlow pads: an odd row at the end.
        rest = [max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0) for side in x.shape[2:]]
        (top, left), (height, width) = [side // 2 for side in rest], rest
        return self.norm(self.conv(functional.pad(x, (left, width - left, top, height - top))))


class InvertedBottleneck(nn.Module):
    def __init__(self, channels, out, kernel, stride, expansion):
        super().__init__()
        wide = channels * expansion
        self.expand = ConvNorm((channels, wide), 1) if expansion > 1 else None
        self.expand_relu = nn.ReLU6()
        self.depthwise = ConvNorm((wide, wide), kernel, stride, wide)
        self.depthwise_relu = nn.ReLU6()
        self.project = ConvNorm((wide, out), 1)
        self.sum = Sum() if stride == 1 and channels == out else None

    def forward(self, x):
        y = x if self.expand is None else self.expand_relu(self.expand(x))
        y = self.project(self.depthwise_relu(self.depthwise(y)))
        return y if self.sum is None else self.sum(torch.stack([y, x], dim=-1))


class EfficientNetLite0(nn.Module):
    """Blocks, kernel, stride, expansion and channels of each stage."""

    STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
              (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]

    def __init__(self):
        super().__init__()
        self.stem, self.stem_relu = ConvNorm((3, 32), 3, 2), nn.ReLU6()
        self.blocks, channels = nn.ModuleList(), 32
        for blocks, kernel, stride, expansion, out in self.STAGES:
            for place in range(blocks):
                self.blocks.append(InvertedBottleneck(channels, out, kernel, 1 if place else stride, expansion))
                channels = out
        self.head, self.head_relu = ConvNorm((channels, 1280), 1), nn.ReLU6()
        self.average, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(1280, 1000)

    def forward(self, x):
        x = self.stem_relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.classifier(self.average(self.head_relu(self.head(x))).flatten(1))


class MiniLm(nn.Module):
    """all-MiniLM-L6-v2 without its weights: sentences without padding to embeddings of length 1."""

    def __init__(self):
        super().__init__()
        self.bert = BertModel(BertConfig(
            vocab_size=VOCABULARY, hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
            intermediate_size=1536, attn_implementation="sdpa",
        ), add_pooling_layer=False)

    def embed(self, ids):
        return self.bert.embeddings.word_embeddings(ids)

    def forward(self, embedded):
        mean = self.bert(inputs_embeds=embedded).last_hidden_state.mean(1)
        return mean / mean.norm(dim=1, keepdim=True)


def mlp():
    widths = [784, 1024, 1024, 1024, 10]
    layers = [layer for size in zip(widths, widths[1:]) for layer in (nn.Linear(*size), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


NETWORKS = {
    "resnet50": models.resnet50,
    "vgg16-bn": models.vgg16_bn,
    "efficientnet-lite0": EfficientNetLite0,
    "minilm": MiniLm,
    "mlp": mlp,
}

# From the names of a state dict to those of the Burn network, as patterns; each applies to what those before it gave.
NAMES = {
    "resnet50": [(r"downsample\.0\.", "downsample.conv."), (r"downsample\.1\.", "downsample.bn."),
                 (r"(bn\d?)\.weight", r"\1.gamma"), (r"(bn\d?)\.bias", r"\1.beta")],
    "vgg16-bn": [],
    "efficientnet-lite0": [(r"norm\.weight", "norm.gamma"), (r"norm\.bias", "norm.beta")],
    "minilm": [
        (r"^bert\.", ""), (r"^embeddings\.word_embeddings\.", "words."),
        (r"^embeddings\.position_embeddings\.", "positions."),
        (r"^embeddings\.token_type_embeddings\.", "token_types."), (r"^embeddings\.LayerNorm\.", "norm."),
        (r"^encoder\.layer\.", "blocks."), (r"\.attention\.self\.", ".attention."),
        (r"\.attention\.output\.dense\.", ".attention.output."),
        (r"\.attention\.output\.LayerNorm\.", ".attention_norm."), (r"\.intermediate\.dense\.", ".widen."),
        (r"\.output\.dense\.", ".narrow."), (r"\.output\.LayerNorm\.", ".norm."),
    ],
    "mlp": [],
}


def listed(state, kinds):
    """Names of a sequence of modules, where the Burn network has a list for each kind of module."""
    places, names = {kind: {} for kind in set(kinds.values())}, {}
    for name in state:
        at, parameter = name.rsplit(".", 1)
        place = places[kinds[at]].setdefault(at, len(places[kinds[at]]))
        if kinds[at] == "norms":
            parameter = {"weight": "gamma", "bias": "beta"}.get(parameter, parameter)
        names[name] = f"{kinds[at]}.{place}.{parameter}"
    return names


def burn_names(name, model, state):
    if name in ("vgg16-bn", "mlp"):
        kinds = {nn.Conv2d: "convs", nn.BatchNorm2d: "norms", nn.Linear: "linears"}
        return listed(state, {at: kinds[type(module)] for at, module in model.named_modules() if type(module) in kinds})
    names = {key: key for key in state}
    for pattern, to in NAMES[name]:
        names = {key: re.sub(pattern, to, value) for key, value in names.items()}
    return names


def random(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def build(name):
    torch.manual_seed(0)
    model = NETWORKS[name]()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for seed, norm in enumerate(norms):
        norm.weight.data = 1 + 0.2 * random(norm.weight.shape, 1000 + seed)
        norm.bias.data = 0.2 * random(norm.bias.shape, 2000 + seed)
        norm.momentum = 1.0
    if norms:
        with torch.no_grad():
            model.train()(random((8, *IMAGE), 1))
    return model.eval()


def inputs(name, batch):
    """What the network takes first: images, ids or rows."""
    if name == "minilm":
        return torch.randint(VOCABULARY, (batch, TOKENS), generator=torch.Generator().manual_seed(2))
    return random((batch, *(IMAGE if name != "mlp" else (784,))), 2).clamp(-3, 3)


def write(name, model, given, folder):
    """`weights.safetensors` and `input.safetensors`, for the other side."""
    state = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    names = burn_names(name, model, state)
    save_file({names[key]: value.contiguous() for key, value in state.items()}, folder / "weights.safetensors")
    save_file({"ids" if name == "minilm" else "x": given}, folder / "input.safetensors")
