"""What Quantus and Captum say of two explanations of one network; part of reference-methods.py.

Quantus hands networks arrays of torch's default type, which reference-methods.py makes double, and sorts with NumPy's
unstable sort; here equal values keep their order. Nothing is normalised, which Quantus does by default. Its baseline
"black" is not 0 but the least value of the input, so that numbers are given instead. It writes into explanations.
"""

import functools
import itertools

import captum.attr as attr
import numpy as np
import quantus
import torch
from captum.metrics import infidelity, sensitivity_max
from quantus.functions.perturb_func import noisy_linear_imputation

PLAIN = dict(abs=False, normalise=False, disable_warnings=True)
PERTURBATIONS, NEIGHBOURS, AT_ONCE, PATCH = 4, 3, 4, 2


def flipping(model, x, target, relevance, tensor):
    """Scores are logits, [samples, steps]."""
    given = dict(x_batch=x.numpy(), y_batch=target.numpy(), a_batch=relevance.numpy(), softmax=False)
    settings = PLAIN | dict(perturb_baseline=0.0)
    curves = quantus.PixelFlipping(features_in_step=AT_ONCE, **settings)(model, **given)
    note = "The score after each step, without that of the unchanged input; single elements, to 0."
    yield "pixel_flipping", tensor(torch.tensor(np.array(curves)), at_once=AT_ONCE, note=note)
    note = "The drop f(x) - f(x with patches at 0) after each patch; patches go through all channels. For the AOPC of "
    note += "the paper put a 0 before the drops and take the mean."
    regions = x.shape[2] // PATCH * (x.shape[3] // PATCH)
    for order in ["morf", "lerf"]:
        metric = quantus.RegionPerturbation(patch_size=PATCH, order=order, regions_evaluation=regions, **settings)
        drops = torch.tensor(np.array(metric(model, **given)))
        yield f"region_perturbation_{order}", tensor(drops, patch=PATCH, note=note)


def insertion_and_deletion(model, x, baseline, target, relevance, tensor):
    """By the formula: pixels, all channels at once, by falling sum of relevance over channels, 4 a step."""
    order = np.argsort(-relevance.sum(1).flatten(1).numpy(), axis=1)
    pixels = order.shape[1]
    forms = {"deletion": (x, torch.zeros_like(x), "from the input to 0")}
    forms |= {"insertion": (baseline, x, "from `baseline` to the input")}
    for key, (start, end, note) in forms.items():
        logits, shares = [], []
        for step in range(pixels // AT_ONCE + 1):
            moved = torch.zeros(len(x), pixels, dtype=torch.bool)
            for sample in range(len(x)):
                moved[sample, order[sample, : step * AT_ONCE].copy()] = True
            scores = model(torch.where(moved.reshape(-1, 1, *x.shape[2:]), end, start)).detach()
            logits.append(scores.gather(1, target[:, None])[:, 0])
            shares.append(scores.softmax(1).gather(1, target[:, None])[:, 0])
        note = f"Pixels in all channels, 4 a step, {note}; step 0 is included."
        for kind, curve in [("", torch.stack(logits, 1)), ("_probability", torch.stack(shares, 1))]:
            area = torch.trapezoid(curve, dim=1) / (curve.shape[1] - 1)
            yield key + kind, tensor(curve, at_once=AT_ONCE, area=tensor(area)["data"], note=note)


def of_captum(model, x, target, relevance, explain, perturbations, neighbours, tensor):
    by_sample = perturbations.transpose(0, 1).reshape(-1, *x.shape[1:])

    def perturb(inputs):
        return by_sample, inputs - by_sample

    for normalize in [False, True]:
        found = infidelity(
            model, perturb, x, relevance, target=target, n_perturb_samples=len(perturbations), normalize=normalize
        )
        note = "The mean over `perturbations` of (I . relevance - (f(x) - f(x - I)))^2"
        note += ", relevance scaled by the best factor for each sample." if normalize else "."
        yield "infidelity_normalized" if normalize else "infidelity", tensor(found, note=note)
    near = neighbours.transpose(0, 1).reshape(-1, *x.shape[1:])
    def explained(at, target):
        return (explain(at[0] if isinstance(at, tuple) else at, target=target),)

    count = len(neighbours)
    found = sensitivity_max(explained, x, perturb_func=lambda *_: near, n_perturb_samples=count, target=target)
    moved = torch.stack([explain(each, target=target) for each in neighbours])
    change = (moved - relevance).flatten(2).norm(dim=2) / relevance.flatten(1).norm(dim=1)
    assert torch.allclose(found, change.max(0).values, rtol=1e-12)
    note = "The most of |relevance(x') - relevance(x)| / |relevance(x)| over `neighbours`, Euclidean norms."
    yield "sensitivity_max", tensor(found, note=note)


def of_quantus(model, x, baseline, target, relevance, object_, tensor):
    def rate(metric, a, s=None):
        a = a.numpy().copy()  # Quantus writes into what it is given.
        s = None if s is None else s.numpy()
        found = metric(model=model, x_batch=x.numpy(), y_batch=target.numpy(), a_batch=a, s_batch=s)
        return torch.tensor(np.array(found, dtype=float))

    absolute = PLAIN | {"abs": True}
    note = "Gini index of |relevance|, to each of which Quantus adds 1e-7."
    yield "sparseness", tensor(rate(quantus.Sparseness(**absolute), relevance), note=note)
    note = "Entropy of p = |relevance| / sum; Quantus has log(p + 1e-12), the natural one."
    yield "complexity", tensor(rate(quantus.Complexity(**absolute), relevance), note=note)
    of_pixels = relevance.sum(1, keepdim=True)
    note = "Of relevance summed over channels, against `object`, {}."
    forms = {"pointing_game": quantus.PointingGame, "relevance_mass": quantus.RelevanceMassAccuracy}
    forms |= {"relevance_rank": quantus.RelevanceRankAccuracy}
    for key, form in forms.items():
        for kind, settings, signs in [("", PLAIN, "signed"), ("_absolute", absolute, "absolute after the sum")]:
            found = rate(form(**settings), of_pixels, object_)
            extra = " Mass of signed relevance may leave 0 to 1." if key == "relevance_mass" and not kind else ""
            yield key + kind, tensor(found, note=note.format(signs) + extra)
    scores = [model(at).gather(1, target[:, None])[:, 0].detach() for at in (x, baseline)]
    off = relevance.flatten(1).sum(1) - (scores[0] - scores[1])
    note = "sum of relevance - (f(x) - f(baseline)), by the formula; Quantus asks whether both are the same float."
    yield "completeness", tensor(off, note=note)


def imputed(x, tensor):
    """ROAD's linear imputation of the first sample, without noise; by Quantus and by the equations of the paper."""
    height, width = x.shape[2:]
    rows, columns = np.mgrid[:height, :width]
    drawn = torch.rand(height, width, generator=torch.Generator().manual_seed(14)).numpy()
    # A block at a corner, whose pixels have few known neighbours, and pixels anywhere.
    missing = ((rows < 4) & (columns < 3)) | (drawn < 0.35)
    places = np.flatnonzero(missing)
    unknown = {place: index for index, place in enumerate(places)}
    left, right = np.zeros((len(places), len(places))), np.zeros((len(places), x.shape[1]))
    for place, index in unknown.items():
        row, column = divmod(place, width)
        for down in (-1, 0, 1):
            for along in (-1, 0, 1):
                at, to = row + down, column + along
                if (down, along) == (0, 0) or not (0 <= at < height and 0 <= to < width):
                    continue
                weight = 1 / 6 if 0 in (down, along) else 1 / 12
                left[index, index] += weight
                if at * width + to in unknown:
                    left[index, unknown[at * width + to]] -= weight
                else:
                    right[index] += weight * x[0, :, at, to].numpy()
    values = x[0].numpy().copy()
    values.reshape(len(values), -1)[:, places] = np.linalg.solve(left, right).T
    of_quantus = noisy_linear_imputation(x[0].numpy(), places.copy(), noise=0.0)
    print("ROAD: Quantus is off by", np.abs(of_quantus - values).max())
    assert np.abs(of_quantus - values).max() < 1e-12
    note = "Sample 0, [channels, height, width]: missing pixels are the mean of their 8 neighbours, 1/6 at the sides "
    note += "and 1/12 at the corners; at the border the weights of those that exist are scaled to 1."
    return {"missing": tensor(torch.tensor(missing).long()), "imputed": tensor(torch.tensor(values), note=note)}


def values(model, x, baseline, target, relevance, explain, given, tensor):
    yield from flipping(model, x, target, relevance, tensor)
    yield from insertion_and_deletion(model, x, baseline, target, relevance, tensor)
    neighbours, perturbations = given["neighbours"], given["perturbations"]
    yield from of_captum(model, x, target, relevance, explain, perturbations, neighbours, tensor)
    yield from of_quantus(model, x, baseline, target, relevance, given["object"], tensor)


def distinct(relevance):
    """Single precision sorts the same: what is not equal is far from equal, of elements, pixels and patches."""
    pixels = relevance.sum(1)
    patches = torch.nn.functional.avg_pool2d(pixels, PATCH)
    for each in itertools.chain(relevance, pixels, patches, pixels.abs()):
        gaps = each.flatten().sort().values.diff()
        assert gaps[gaps > 0].min() > 2e-7 * each.abs().max(), gaps[gaps > 0].min()


def metrics(model, network, draw, tensor):
    np.argsort = functools.partial(np.argsort, kind="stable")
    given = (network[key] for key in ["input", "baseline"])
    x, baseline = (torch.tensor(each["data"], dtype=torch.float64).reshape(each["shape"]) for each in given)
    target = torch.tensor(network["target"])
    rows, columns = torch.meshgrid(torch.arange(x.shape[2]), torch.arange(x.shape[3]), indexing="ij")
    inside = torch.stack([(rows - 3).square() + (columns - 3).square() < 10, (rows < 4) & (columns > 4)])
    given = {"perturbations": draw((PERTURBATIONS, *x.shape), 11) / 4, "object": inside[:, None].long()}
    given["neighbours"] = x + draw((NEIGHBOURS, *x.shape), 12, 16) / 16

    def saliency(at, target):
        return attr.Saliency(model).attribute(at, target, abs=False).detach()

    def integrated(at, target):
        start = baseline.repeat_interleave(len(at) // len(baseline), dim=0)
        return attr.IntegratedGradients(model).attribute(at, start, target, n_steps=50).detach()

    content = {key: tensor(value) for key, value in given.items()}
    for key, explain in {"saliency": saliency, "integrated_gradients": integrated}.items():
        # As it is committed, so that both sides rate the same numbers.
        relevance = explain(x, target=target)
        relevance = torch.tensor(tensor(relevance)["data"], dtype=torch.float64).reshape(x.shape)
        distinct(relevance)
        found = dict(values(model, x, baseline, target, relevance, explain, given, tensor))
        content[key] = {"relevance": tensor(relevance), "values": found}
    return content | {"road": imputed(x, tensor)}
