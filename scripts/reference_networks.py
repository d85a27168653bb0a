"""The small networks of reference-methods.py, and what is drawn for them."""

import math

import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm, self.relu1 = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()
        self.conv2, self.relu2, self.pool = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        self.flatten, self.linear = nn.Flatten(), nn.Linear(4 * 4 * 4, 4)

    def forward(self, x):
        x = self.relu1(self.norm(self.conv1(x)))
        x = self.relu2(x + self.conv2(x))
        return self.linear(self.flatten(self.pool(x)))


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3))


def cnn():
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


# The build, the size of the input, the ReLU of the layer methods, a neuron of it, and the last ReLU over an image.
NETWORKS = {
    "mlp": (mlp, (3, 6), "1", (3,), None),
    "cnn": (cnn, (2, 2, 10, 10), "1", (1, 4, 5), "4"),
    "residual": (Residual, (2, 2, 8, 8), "relu1", (2, 3, 4), "relu2"),
}


def draw(shape, seed, parts=64):
    """Normal, rounded to fractions that are exact in single precision."""
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (drawn * parts).round() / parts


def with_weights(model):
    """Larger than those of training's start, so that the functions are far from linear."""
    with torch.no_grad():
        for seed, (name, weight) in enumerate(model.state_dict().items()):
            if weight.is_floating_point():
                drawn = draw(weight.shape, 100 + seed, 256)
                if "norm" in name:
                    drawn = 1 + drawn / 4 if name.endswith(("weight", "var")) else drawn / 4
                    drawn = drawn.abs() + 0.125 if name.endswith("var") else drawn
                else:
                    fan_in = weight[0].numel() if weight.dim() > 1 else 16
                    drawn = drawn * 1.5 / math.sqrt(fan_in) if weight.dim() > 1 else drawn / 4
                weight.copy_((drawn * 256).round() / 256)
    return model.double().eval()


def groups(shape):
    """Features that come and go together: of the first row, for all samples alike."""
    if len(shape) == 2:
        return torch.tensor([[0, 0, 1, 2, 3, 4]])
    rows, columns = torch.meshgrid(torch.arange(shape[2]), torch.arange(shape[3]), indexing="ij")
    if shape[2] == 10:
        return (rows // 4 * 2 + columns // 5).expand(1, *shape[1:]).clone()
    quarters = rows // 4 * 2 + columns // 4
    return torch.stack([quarters, torch.full_like(quarters, 4)])[None]
