#!/usr/bin/env python3
"""Writes the values that tests/reference_transformers/ compares with: three small transformers of the library
`transformers` with random weights, explained by LXT, by autoLRP and by the formulas of the papers.

    python3 -m venv env && . env/bin/activate
    pip install torch==2.6.0 torchvision==0.21.0 transformers==4.52.4 zennit==0.5.1 tabulate==0.10.0 \
        safetensors==0.8.0 numpy==2.4.6
    pip install --no-deps lxt==2.1 autolrp==0.2.0
    scripts/reference-transformers.py tests/reference_transformers/data

`transformers` and `torch` are those that LXT 2.1 was tested with; its patches replace code of this version.
The formulas are in transformer_formulas.py. One file a model, with `weight.*`, `input.*`, `output` and
`relevance.REFERENCE`. Everything is computed in double precision and stored in single. Prints how far the references
are apart.
"""

import math
import multiprocessing
import pathlib
import sys
import warnings
from functools import partial

import torch
from safetensors.torch import save_file
from torchvision.models.vision_transformer import VisionTransformer
from transformers import (
    BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM, ViTConfig, ViTForImageClassification,
)

sys.dont_write_bytecode = True
from transformer_formulas import EPSILON, HEADS, KEY_HEADS, LAYERS, PATCH, WIDTH, Detached, Explicit, Network

HIDDEN, WORDS, IMAGE, CLASSES, TARGET, BATCH, TOKENS = 24, 20, 12, 3, 1, 2, 7


# The models. `given` is explained: embedded tokens, or pixels.


def random(shape, seed):
    """Of single precision, for the tests compute with nothing finer."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def with_weights(model):
    """Larger than those of training's start, so that softmaxes and activations are far from linear."""
    with torch.no_grad():
        for seed, (name, weight) in enumerate(model.named_parameters()):
            drawn = random(weight.shape, 100 + seed)
            is_scale = "norm" in name.lower() and name.endswith("weight")
            is_bias = name.endswith("bias")
            drawn = 1 + 0.25 * drawn if is_scale else drawn * (0.2 if is_bias else 1.2 / math.sqrt(WIDTH))
            weight.copy_(drawn.float())
    return model.double().eval()


def build(name, attention="eager"):
    shared = dict(num_hidden_layers=LAYERS, num_attention_heads=HEADS, hidden_size=WIDTH, intermediate_size=HIDDEN)
    shared |= dict(attn_implementation=attention)
    if name == "bert":
        config = BertConfig(vocab_size=WORDS, max_position_embeddings=10, num_labels=CLASSES, **shared)
        return with_weights(BertForSequenceClassification(config))
    if name == "llama":
        config = LlamaConfig(vocab_size=WORDS, num_key_value_heads=KEY_HEADS, max_position_embeddings=16, **shared)
        config.rms_norm_eps = EPSILON
        return with_weights(LlamaForCausalLM(config))
    config = ViTConfig(image_size=IMAGE, patch_size=PATCH, num_labels=CLASSES, layer_norm_eps=EPSILON, **shared)
    return with_weights(ViTForImageClassification(config))


def inputs(name, model):
    if name == "vit":
        return {"given": random((BATCH, 3, IMAGE, IMAGE), 1)}
    ids = torch.randint(WORDS, (BATCH, TOKENS), generator=torch.Generator().manual_seed(2))
    given = {"ids": ids, "given": model.get_input_embeddings()(ids).detach()}
    if name == "bert":
        # The second sentence is shorter.
        given["mask"] = torch.tensor([[1] * TOKENS, [1] * 5 + [0] * (TOKENS - 5)])
    return given


def scores(name, model, x, mask=None):
    """Of classes, or of the word after the last."""
    if name == "vit":
        return model(pixel_values=x).logits
    if name == "bert":
        return model(inputs_embeds=x, attention_mask=mask).logits
    return model(inputs_embeds=x, use_cache=False).logits[:, -1]


def torchvision_vit(model):
    """The same network in the form that LXT supports."""
    other = VisionTransformer(IMAGE, PATCH, LAYERS, HEADS, WIDTH, HIDDEN, num_classes=CLASSES).double().eval()
    state, vit = {}, model.vit
    state["class_token"], state["encoder.pos_embedding"] = vit.embeddings.cls_token, vit.embeddings.position_embeddings
    pairs = {"conv_proj": vit.embeddings.patch_embeddings.projection}
    pairs |= {"encoder.ln": vit.layernorm, "heads.head": model.classifier}
    for i, layer in enumerate(vit.encoder.layer):
        at, parts = f"encoder.layers.encoder_layer_{i}.", layer.attention.attention
        pairs |= {at + "ln_1": layer.layernorm_before, at + "ln_2": layer.layernorm_after}
        pairs |= {at + "mlp.0": layer.intermediate.dense, at + "mlp.3": layer.output.dense}
        pairs |= {at + "self_attention.out_proj": layer.attention.output.dense}
        for kind in ["weight", "bias"]:
            packed = [getattr(part, kind) for part in (parts.query, parts.key, parts.value)]
            state[at + "self_attention.in_proj_" + kind] = torch.cat(packed)
    for at, module in pairs.items():
        state[at + ".weight"], state[at + ".bias"] = module.weight, module.bias
    other.load_state_dict(state)
    return other


# The references: each gives the output and the relevance, or the gradient, of what is given.


def by_formula(name, ops):
    model = build(name)
    w = {key: value.detach() for key, value in model.state_dict().items()}
    values = inputs(name, model)
    x = values["given"].requires_grad_()
    ops = ops()
    output = getattr(Network(ops, w), name)(x, **({"mask": values["mask"]} if "mask" in values else {}))
    return output.detach(), ops.relevance(x, output[:, TARGET]).detach()


def by_gradient(name, patch=lambda: None, times_input=True, attention="eager", change=lambda model: model):
    patch()
    model = build(name, attention)
    values = inputs(name, model)
    x = values["given"].requires_grad_()
    if change is torchvision_vit:
        output = torchvision_vit(model)(x)
    else:
        output = scores(name, model, x, values.get("mask"))
    gradient = torch.autograd.grad(output[:, TARGET].sum(), x)[0]
    return output.detach(), (gradient * x if times_input else gradient).detach()


def lxt(name, method="attn"):
    from transformers.models.bert import modeling_bert
    from transformers.models.llama import modeling_llama
    from transformers.models.vit import modeling_vit
    from lxt.efficient import monkey_patch, patches
    from lxt.efficient.models import llama
    from torchvision.models import vision_transformer

    if name == "bert":
        monkey_patch(modeling_bert)
    elif name == "llama":
        monkey_patch(modeling_llama, llama.attnLRP if method == "attn" else llama.cp_LRP)
    elif method == "torchvision":
        monkey_patch(vision_transformer)
    else:
        # LXT has no map for this class; this is made of its own patches, as its documentation tells.
        from transformers.activations import GELUActivation

        attention = patches.patch_attention if method == "attn" else patches.patch_cp_attention
        monkey_patch(modeling_vit, {
            GELUActivation: partial(patches.patch_method, patches.non_linear_forward, keep_original=True),
            modeling_vit.nn.LayerNorm: partial(patches.patch_method, patches.layer_norm_forward),
            modeling_vit: attention,
        })


def autolrp(name, method, signed=False):
    """With its own presets. `signed` exchanges those of its rules that are not the papers': shares of sums and of
    biases by magnitude, layer norms as the identity, f(x)/x on activations and gamma on convolutions (AttnLRP), shares
    of gated products by magnitude."""
    import autolrp as library
    from autolrp.backward import install, lrp_utils
    from autolrp.backward.rules import equal
    from autolrp.nodes import ADD_NODES, ELEMENTWISE_NODES, LAYERNORM_NODES, MUL_NODES

    config = library.LRPConfig.attnlrp() if method == "attn" else library.LRPConfig.cplrp()
    if signed:

        def of_sum(a, b, relevance, epsilon, **_):
            share = relevance / lrp_utils.stabilize(a + b, epsilon)
            return a * share, b * share

        def of_norm(x, y, relevance, epsilon, *, weight, bias, mean, rstd, **_):
            z = (x - mean) * rstd * weight + bias
            share = relevance / lrp_utils.stabilize(z, epsilon) * rstd * weight
            return x * (share - share.mean(-1, keepdim=True))

        def without_bias(relevance, z, bias, epsilon):
            return relevance * z / lrp_utils.stabilize(z + bias, epsilon)

        install.apply_bias_split = without_bias
        rules = {"ConvolutionBackward": "epsilon"}
        rules |= dict.fromkeys(ADD_NODES, of_sum) | dict.fromkeys(ELEMENTWISE_NODES, "passthrough")
        rules |= dict.fromkeys(LAYERNORM_NODES, of_norm) | dict.fromkeys(MUL_NODES, equal)
        config = library.LRPConfig(rule={**config.rule, **rules})
    # Fused attention is written out by autoLRP itself. In the other form `transformers` masks with minus infinity,
    # which autoLRP's rule for softmaxes multiplies by 0: NaN.
    model = build(name, "sdpa")
    values = inputs(name, model)
    x = library.tensor(values["given"])
    output = scores(name, model, x, values.get("mask"))
    output[:, TARGET].lrp(config=config)
    output = output.detach().as_subclass(torch.Tensor)
    # Its seed is 1.
    seed = output[:, TARGET].reshape([-1] + [1] * (x.dim() - 1))
    return output, x.relevance.detach().as_subclass(torch.Tensor) * seed


ATTN, CP, CP_HALF = (partial(Detached, method) for method in ["attn", "cp", "cp-half"])
REFERENCES = {"gradient": partial(by_gradient, times_input=False)}
REFERENCES |= {"formula-attn": partial(by_formula, ops=ATTN), "formula-cp": partial(by_formula, ops=CP)}
REFERENCES |= {"lxt-explicit-attn": partial(by_formula, ops=Explicit)}
REFERENCES |= {"lxt-explicit-attn-eps0": partial(by_formula, ops=partial(Explicit, stabilized=False))}
for method in ["attn", "cp"]:
    REFERENCES |= {f"autolrp-{method}": partial(autolrp, method=method)}
    REFERENCES |= {f"autolrp-{method}-signed": partial(autolrp, method=method, signed=True)}


def references(name):
    found = REFERENCES | {"lxt-attn": lambda name: by_gradient(name, partial(lxt, name))}
    if name == "bert":
        # The only one of the three with code of its own for fused attention.
        found |= {"lxt-attn-sdpa": lambda name: by_gradient(name, partial(lxt, name), attention="sdpa")}
    else:
        found |= {"lxt-cp": lambda name: by_gradient(name, partial(lxt, name, "cp"))}
    if name == "llama":
        found |= {"formula-cp-half": partial(by_formula, ops=CP_HALF)}
    if name == "vit":
        patch = partial(lxt, name, "torchvision")
        found |= {"lxt-cp-torchvision": lambda name: by_gradient(name, patch, change=torchvision_vit)}
    return found


def compute(names):
    # In a process of its own: patches are there to stay.
    name, reference = names
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    output, relevance = references(name)[reference](name)
    return output.numpy(), relevance.numpy()


def gap(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def main(folder):
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ["bert", "llama", "vit"]:
        jobs = [(name, reference) for reference in references(name)]
        with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
            results = {job[1]: tuple(map(torch.tensor, pair)) for job, pair in zip(jobs, pool.map(compute, jobs, 1))}
        output, _ = results["gradient"]
        model = build(name)
        tensors = {f"weight.{key}": value for key, value in model.named_parameters()}
        tensors |= {f"input.{key}": value for key, value in inputs(name, model).items()} | {"output": output}
        for reference, (other, relevance) in sorted(results.items()):
            formula = "formula-cp" if "-cp" in reference else "formula-attn"
            if name == "llama" and reference == "autolrp-cp-signed":
                formula = "formula-cp-half"
            if reference != "gradient":
                print(
                    f"{name:6} {reference:22} output off by {gap(other, output):.0e},",
                    f"relevance by {gap(relevance, results[formula][1]):.1e} from {formula}",
                )
            # The others are not what the formulas say: autoLRP's own rules, and an epsilon.
            if reference not in ["autolrp-attn", "autolrp-cp", "lxt-explicit-attn"]:
                tensors["relevance." + reference] = relevance
        tensors = {key: value.detach().contiguous() for key, value in tensors.items()}
        save_file(
            {key: value.float() if value.is_floating_point() else value.int() for key, value in tensors.items()},
            folder / f"{name}.safetensors",
        )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
