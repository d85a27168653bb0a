#!/usr/bin/env python3
"""Writes the values that tests/captum.rs and tests/quantus.rs compare with: three small networks, explained by Captum
and pytorch-grad-cam, and the explanations rated by Quantus and Captum.

    python3.11 -m venv env && . env/bin/activate
    pip install torch==2.9.0 torchvision==0.24.0 captum==0.8.0 numpy==1.26.4 scipy==1.15.3 scikit-learn==1.6.1 \
        scikit-image==0.25.2 pandas==2.2.3 cachetools==5.5.2 opencv-python-headless==4.11.0.86 matplotlib==3.11.2 \
        ttach==0.0.3 tqdm==4.70.1
    pip install --no-deps quantus==0.6.0 grad-cam==1.5.7
    scripts/reference-methods.py tests/reference_methods

captum.json has the networks with their weights, inputs and `values`; quantus.json what rates explanations of `cnn`,
made by reference_metrics.py. A tensor is {"shape", "data"}, a value is a tensor with, at times, a `note` on what is
odd about the reference, and what it was made with. Everything is computed in double precision; inputs and weights
are short fractions, so that single precision has the same. What the script draws comes of fixed seeds.
"""

import itertools
import json
import math
import pathlib
import sys
import warnings
from contextlib import contextmanager

import captum
import captum.attr as attr
import numpy as np
import pytorch_grad_cam as cams
import torch
import torch.nn.functional as F
from captum._utils.models.linear_model import SkLearnRidge
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

sys.dont_write_bytecode = True
from reference_metrics import metrics
from reference_networks import NETWORKS, draw, groups, with_weights

BACKGROUND, DRAWS, NOISES = 5, 20, 4


# The values.


@contextmanager
def replaced(owner, name, value):
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def in_double():
    """Captum has the weights of quadratures and of averages in single precision, whatever the input has, by the
    default type and by `.float()`: its values are 3e-8 off. Not here."""
    return replaced(torch.Tensor, "float", torch.Tensor.double)


def close(got, want, tolerance=1e-12):
    off = ((got - want).abs().max() / want.abs().max()).item()
    assert off <= tolerance, off
    return got


def gradient(model, x, target):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(model(x).gather(1, target[:, None]).sum(), x)[0]


def gradient_methods(name, model, x, baseline, target):
    saliency = attr.Saliency(model).attribute(x, target, abs=False)
    close(saliency, gradient(model, x, target))
    yield "saliency", saliency, {}
    yield "input_x_gradient", attr.InputXGradient(model).attribute(x, target), {}
    for key, method, steps in [("gauss_legendre", "gausslegendre", 50), ("right", "riemann_right", 20)]:
        values = attr.IntegratedGradients(model).attribute(x, baseline, target, n_steps=steps, method=method)
        yield f"integrated_gradients_{key}", values, {"steps": steps}
    if name != "mlp":
        yield "deconvolution", attr.Deconvolution(model).attribute(x, target), {
            "note": "At each ReLU the positive part of the gradient, whatever the sign of the ReLU's input."
        }
        yield "guided_backprop", attr.GuidedBackprop(model).attribute(x, target), {}


def smoothing(model, x, target):
    """The noise is [noises, *input's shape], of deviation 1/4, already scaled."""
    noise = draw((NOISES, *x.shape), 7) / 4
    gradients = torch.stack([gradient(model, x + each, target) for each in noise])
    # Captum has all copies of the first sample, then all of the second.
    by_sample = noise.transpose(0, 1).reshape(-1, *x.shape[1:])
    forms = {
        "smoothgrad": (gradients.mean(0), "The mean over the noisy copies alone, without the unchanged input."),
        "smoothgrad_sq": (gradients.square().mean(0), "The mean of squares."),
        "vargrad": (gradients.var(0, unbiased=False), "Divided by the number of copies, not by one less."),
    }
    yield "noise", noise, {"note": "[copies, *input's shape], added to the input as it is."}
    for key, (values, note) in forms.items():
        with replaced(torch, "normal", lambda *_: by_sample):
            tunnel = attr.NoiseTunnel(attr.Saliency(model))
            got = tunnel.attribute(x, nt_type=key, nt_samples=NOISES, target=target, abs=False)
        yield key, close(got, values), {"note": note}


def perturbation_methods(name, model, x, baseline, target, mask):
    if name == "cnn":
        values = attr.Occlusion(model).attribute(
            x, (2, 3, 3), strides=(2, 2, 2), baselines=0.25, target=target
        )
        yield "occlusion", values, {"window": [2, 3, 3], "strides": [2, 2, 2], "baseline": 0.25}
    whole = {"note": "Each element has the whole value of its group; the baseline is `baseline`, groups are `mask`."}
    yield "feature_ablation", attr.FeatureAblation(model).attribute(x, baseline, target, feature_mask=mask), whole
    of_captum = attr.ShapleyValues(model).attribute(x, baseline, target, feature_mask=mask)
    masks, scores = coalitions(model, x, baseline, target, mask)
    values = shapley(masks, scores)[:, mask[0]]
    # Captum adds up in single precision, one permutation after the other.
    close(of_captum, values, 1e-5)
    yield "shapley_values", values, whole
    yield from lime(model, x, baseline, target, mask, masks, scores)


def coalitions(model, x, baseline, target, mask):
    """All sets of groups that are shown, [2^n, groups], and the scores then, [samples, 2^n]."""
    masks = torch.tensor(list(itertools.product([0.0, 1.0], repeat=int(mask.max()) + 1)))
    shown = masks[:, mask[0]]
    parts = zip(x, baseline, target)
    return masks, torch.stack([model(shown * x + (1 - shown) * b)[:, t].detach() for x, b, t in parts])


def shapley(masks, scores):
    """By the formula, [samples, groups]; of the masks' index, a group's bit tells whether it is shown."""
    count = masks.shape[1]
    found = torch.zeros(len(scores), count)
    for index, row in enumerate(masks):
        size = int(row.sum())
        for group in (row == 0).nonzero()[:, 0].tolist():
            share = math.factorial(size) * math.factorial(count - 1 - size) / math.factorial(count)
            found[:, group] += share * (scores[:, index + 2 ** (count - 1 - group)] - scores[:, index])
    return found


def lime(model, x, baseline, target, mask, masks, scores):
    """On all 2^n masks, so that nothing is drawn; the kernel is exp(-d^2 / (2 * 0.75^2)) with the share d of the
    groups that are hidden; ridge regression with alpha 1 on weights as they are, the intercept not penalized."""
    alpha, kernel = 1.0, torch.exp(-(1 - masks.mean(1)).square() / (2 * 0.75**2))
    root, middle = kernel.sqrt(), (kernel[:, None] * masks).sum(0) / kernel.sum()
    found, intercepts = [], []
    for score in scores:
        mean = (kernel * score).sum() / kernel.sum()
        left, right = root[:, None] * (masks - middle), root * (score - mean)
        found.append(torch.linalg.solve(left.T @ left + alpha * torch.eye(masks.shape[1]), left.T @ right))
        intercepts.append(mean - found[-1] @ middle)
    found = torch.stack(found)

    def each(*_, **__):
        yield from (row[None] for row in masks)

    def similarity(_, __, row, **___):
        return torch.exp(-(1 - row.double().mean()).square() / (2 * 0.75**2))

    library = attr.Lime(model, SkLearnRidge(alpha=alpha), similarity, each)
    got = library.attribute(x, baseline, target, feature_mask=mask, n_samples=len(masks), return_input_shape=False)
    # SkLearnRidge keeps its coefficients in single precision.
    close(got, found, 1e-7)
    extra = {"alpha": alpha, "kernel_width": 0.75, "intercepts": numbers(torch.stack(intercepts))}
    extra["note"] = " ".join(lime.__doc__.split()) + " [samples, groups]. Captum computes it in single precision."
    yield "lime", found, extra


@contextmanager
def apart(model):
    """With a copy between every pool and what is before it.

    Captum's hooks of two nonlinear modules that follow each other sit on the same tensor, and the lower one reads the
    gradient before the upper one has written it: of a ReLU and a pool behind it, the pool has its plain gradient
    instead of its rule, and contributions no longer add up to the difference of the scores.
    """
    pools = [module for module in model.modules() if isinstance(module, nn.MaxPool2d)]
    hooks = [pool.register_forward_pre_hook(lambda _, given: given[0].clone()) for pool in pools]
    yield
    for hook in hooks:
        hook.remove()


ADJACENT = "As Captum has it with a pool right behind a ReLU: the pool has its plain gradient, and delta is not 0."


def deep_methods(name, model, x, baseline, background, target):
    with apart(model):
        values, delta = attr.DeepLift(model).attribute(x, baseline, target, return_convergence_delta=True)
        assert delta.abs().max() < 1e-12, delta
        yield "deep_lift", values, {"note": "Rescale."}
        values, delta = attr.DeepLiftShap(model).attribute(x, background, target, return_convergence_delta=True)
        assert delta.abs().max() < 1e-12, delta
        yield "deep_lift_shap", values, {"note": "Rescale, the mean over the background."}
    if name != "mlp":
        values, delta = attr.DeepLift(model).attribute(x, baseline, target, return_convergence_delta=True)
        yield "deep_lift_adjacent", values, {"delta": numbers(delta), "note": ADJACENT}
        values, delta = attr.DeepLiftShap(model).attribute(x, background, target, return_convergence_delta=True)
        extra = {"note": ADJACENT + " It is [samples, background]."}
        yield "deep_lift_shap_adjacent", values, {"delta": numbers(delta)} | extra
    alphas = (torch.rand((len(x), DRAWS), generator=torch.Generator().manual_seed(8)) * 1024).round().double() / 1024
    picks = torch.randint(BACKGROUND, (len(x), DRAWS), generator=torch.Generator().manual_seed(9))
    samples = []
    for sample, (alpha, pick) in enumerate(zip(alphas, picks)):
        away = x[sample] - background[pick]
        points = background[pick] + alpha.reshape(-1, *[1] * (x.dim() - 1)) * away
        samples.append((away * gradient(model, points, target[sample].expand(DRAWS))).mean(0))
    with replaced(np.random, "uniform", lambda *_: alphas.flatten().numpy()):
        with replaced(np.random, "choice", lambda *_: picks.flatten().numpy()):
            library = attr.GradientShap(model)
            got = library.attribute(x, background, n_samples=DRAWS, stdevs=0.0, target=target)
    extra = {"alphas": numbers(alphas), "picks": picks.flatten().tolist()}
    extra["note"] = "No noise; alphas and picks of the background are [samples, draws]; 1 is the input."
    yield "gradient_shap", close(got, torch.stack(samples)), extra


def layer_methods(name, model, x, baseline, target, layer, neuron):
    def layered(form, **settings):
        found = form(model, model.get_submodule(layer)).attribute(x, **settings)
        return found[0] if isinstance(found, tuple) else found

    at, quadrature = {"layer": layer}, {"n_steps": 50, "method": "gausslegendre"}
    with_target, path = {"target": target}, {"baselines": baseline, **quadrature}
    yield "layer_activation", layered(attr.LayerActivation), at
    yield "layer_gradient_x_activation", layered(attr.LayerGradientXActivation, **with_target), at
    integrated = layered(attr.LayerIntegratedGradients, **with_target, **path)
    note = "The path is straight between the layer's activations, not between inputs."
    yield "layer_integrated_gradients", integrated, at | {"steps": 50, "note": note}
    note = "Captum takes 51 nodes, and sums gradients at the first 50 times the differences of the activations at "
    note += "neighbours: no weights of the quadrature, and the ends of the path are left out."
    yield "layer_conductance", layered(attr.LayerConductance, **with_target, **path), at | {"steps": 50, "note": note}
    explicit = conductance(model, x, baseline, target, layer)
    note = "The same by the formula: the integral of the gradient times the derivative of the activation along the "
    note += "path, by the 50 nodes and weights of Gauss-Legendre."
    yield "layer_conductance_quadrature", explicit, at | {"steps": 50, "note": note}
    if name != "mlp":
        with apart(model):
            lifted = layered(attr.LayerDeepLift, baselines=baseline, **with_target)
        close(lifted.flatten(1).sum(1), (model(x) - model(baseline)).gather(1, target[:, None])[:, 0])
        yield "layer_deep_lift", lifted, at
    at |= {"neuron": list(neuron)}
    yield "neuron_gradient", layered(attr.NeuronGradient, neuron_selector=neuron), at
    integrated = layered(attr.NeuronIntegratedGradients, neuron_selector=neuron, **path)
    yield "neuron_integrated_gradients", integrated, at | {"steps": 50}


def conductance(model, x, baseline, target, layer):
    nodes, weights = np.polynomial.legendre.leggauss(50)
    total, kept = 0, {}
    hook = model.get_submodule(layer).register_forward_hook(lambda _, __, out: kept.update(out=out))
    for node, weight in zip((nodes + 1) / 2, weights / 2):
        point = (baseline + node * (x - baseline)).requires_grad_()
        score = model(point).gather(1, target[:, None]).sum()
        of_layer = torch.autograd.grad(score, kept["out"])[0]

        def activation(at):
            model(at)
            return kept["out"]

        along = torch.autograd.functional.jvp(activation, point.detach(), x - baseline)[1]
        total = total + weight * of_layer * along
    hook.remove()
    return total.detach()


def cam_methods(model, x, target, layer):
    at = {"layer": layer}
    module = model.get_submodule(layer)
    map_ = attr.LayerGradCam(model, module).attribute(x, target, relu_attributions=True)
    yield "grad_cam", map_, at | {"note": "Captum's: [batch, 1, height, width] of the layer, after a ReLU."}
    large = F.interpolate(map_, x.shape[2:], mode="bilinear", align_corners=False)
    yield "grad_cam_upsampled", large, at | {"note": "Bilinear, not aligned at the corners, as the input is wide."}
    guided = attr.GuidedGradCam(model, module).attribute(x, target, interpolate_mode="bilinear")
    close(guided, attr.GuidedBackprop(model).attribute(x, target) * large)
    yield "guided_grad_cam", guided, at | {"note": "Guided backpropagation times grad_cam_upsampled."}
    targets = [ClassifierOutputTarget(each) for each in target.tolist()]
    forms = {"grad_cam_raw": cams.GradCAM, "grad_cam_plus_plus_raw": cams.GradCAMPlusPlus}
    forms |= {"layer_cam_raw": cams.LayerCAM, "hi_res_cam_raw": cams.HiResCAM}
    note = "pytorch-grad-cam's, [batch, height, width] of the layer: no ReLU, no scaling to 0..1, no resizing."
    for key, form in forms.items():
        with form(model, [module]) as cam:
            cam(x, targets)
            kept = cam.activations_and_grads
            act, grad = kept.activations[0].numpy(), kept.gradients[0].numpy()
            raw = torch.tensor(cam.get_cam_image(x, module, targets, act, grad, False))
        if key == "grad_cam_raw":
            close(raw.clamp(min=0)[:, None], map_)
        extra = " It adds 1e-6 to the denominator." if "plus" in key else ""
        yield key, raw, at | {"note": note + extra}
        if "plus" in key:
            square = grad**2
            below = 2 * square + act.sum((2, 3), keepdims=True) * square * grad
            share = np.divide(square, below, out=np.zeros_like(square), where=(grad != 0) & (below != 0))
            weights = (share * grad.clip(min=0)).sum((2, 3), keepdims=True)
            exact = torch.tensor((weights * act).sum(1))
            yield "grad_cam_plus_plus_exact", exact, at | {"note": "The same without the 1e-6, by the formula."}


def values(name, model, x, baseline, background, target, mask):
    _, _, layer, neuron, last = NETWORKS[name]
    yield from gradient_methods(name, model, x, baseline, target)
    yield from smoothing(model, x, target)
    yield from perturbation_methods(name, model, x, baseline, target, mask)
    yield from deep_methods(name, model, x, baseline, background, target)
    yield from layer_methods(name, model, x, baseline, target, layer, neuron)
    if last:
        yield from cam_methods(model, x, target, last)


# The files.


def numbers(values):
    return [float(f"{value:.9g}") for value in torch.as_tensor(values).detach().flatten().tolist()]


def tensor(values, **extra):
    values = torch.as_tensor(values).detach()
    data = values.flatten().tolist() if not values.is_floating_point() else numbers(values)
    return {"shape": list(values.shape), "data": data} | extra


def single_precision_agrees(model, x, baseline, target):
    """No ReLU and no pooling window is so near to a change that single precision takes the other side."""
    wide = attr.IntegratedGradients(model).attribute(x, baseline, target, n_steps=50)
    narrow = model.float()
    found = attr.IntegratedGradients(narrow).attribute(x.float(), baseline.float(), target, n_steps=50)
    model.double()
    close(found.double(), wide, 2e-6)


def network(name):
    build, shape, *_ = NETWORKS[name]
    torch.manual_seed(0)
    model = with_weights(build())
    x, baseline, background = draw(shape, 1), draw(shape, 2) / 4, draw((BACKGROUND, *shape[1:]), 3) / 2
    target, mask = torch.tensor([2, 0, 1][: shape[0]]), groups(shape)
    single_precision_agrees(model, x, baseline, target)
    given = {"input": tensor(x), "baseline": tensor(baseline), "background": tensor(background)}
    given |= {"target": target.tolist(), "mask": tensor(mask)}
    given |= {"output": tensor(model(x)), "output_at_baseline": tensor(model(baseline))}
    weights = {key: tensor(value) for key, value in model.state_dict().items() if value.is_floating_point()}
    with in_double():
        found = values(name, model, x, baseline, background, target, mask)
        found = {key: tensor(value, **extra) for key, value, extra in found}
    return model, {"weights": weights, **given, "values": found}


def write(path, content):
    """A line for each tensor."""
    def text(value, depth):
        if isinstance(value, dict) and "data" not in value:
            lines = [f"{' ' * depth}{json.dumps(key)}: {text(each, depth + 1)}" for key, each in value.items()]
            return "{\n" + ",\n".join(lines) + "\n" + " " * (depth - 1) + "}"
        return json.dumps(value, separators=(",", ":"))

    path.write_text(text(content, 1) + "\n")


def main(folder):
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    versions = {"captum": captum.__version__, "torch": torch.__version__.split("+")[0], "grad-cam": "1.5.7"}
    networks = {name: network(name) for name in NETWORKS}
    contents = {name: content for name, (_, content) in networks.items()}
    write(folder / "captum.json", {"versions": versions, **contents})
    with in_double():
        found = metrics(networks["cnn"][0], contents["cnn"], draw, tensor)
    write(folder / "quantus.json", {"versions": versions | {"quantus": "0.6.0"}, **found})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
