#!/usr/bin/env python3
"""Writes the values that examples/explain-speech/tests/silero.rs compares with.

    scripts/reference-silero-vad.py "$(scripts/fetch-silero-vad.sh)" > examples/explain-speech/tests/reference.json

Needs NumPy, and no framework: the network is written out here in double precision, after the package's
tinygrad_model.py, and relevance propagation after Arras et al., arXiv 1706.07206, with the paper's epsilon.

The ONNX forms in the package have the same layers, and weights of another training. Given one of them,
silero_vad_16k_op15.onnx, and with the packages onnx and onnxruntime, the script also runs its own network with
those weights, and says how far that is from onnxruntime.
"""

import json
import pathlib
import struct
import sys
import wave

import numpy as np

RECORDING = pathlib.Path(__file__).parent / "../examples/explain-speech/recordings/syllables.wav"
CHUNK, CONTEXT, MIRRORED, SLICE, WINDOW = 512, 64, 64, 128, 24
STRIDES = [1, 2, 2, 1]
EPSILON = 0.001


def tensors(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).astype(float)
        for name, entry in header.items()
        if name != "__metadata__"
    }


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def windows(x, width, stride):
    return np.lib.stride_tricks.sliding_window_view(x, width, axis=1)[:, ::stride]


class Step:
    """One chunk after its context, in the state before it; all values are kept."""

    def __init__(self, samples, hidden, cell, weights):
        self.weights, self.before = weights, (hidden, cell)
        self.layers = []
        spectrum = self.conv(np.pad(samples, (0, MIRRORED), mode="reflect")[None], "stft_conv", 128)
        self.real, self.imaginary = np.split(spectrum, 2)
        x = np.hypot(self.real, self.imaginary)
        for number, stride in enumerate(STRIDES, 1):
            x = np.maximum(self.conv(np.pad(x, ((0, 0), (1, 1))), f"conv{number}", stride), 0)
        self.x = x[:, 0]
        linear = lambda x, name: weights[f"lstm_cell.weight_{name}"] @ x + weights[f"lstm_cell.bias_{name}"]
        self.sums = linear(self.x, "ih"), linear(hidden, "hh")
        self.enter, self.forget, candidate, leave = np.split(sum(self.sums), 4)
        self.enter, self.forget, self.candidate = sigmoid(self.enter), sigmoid(self.forget), np.tanh(candidate)
        self.cell = self.forget * cell + self.enter * self.candidate
        self.hidden = sigmoid(leave) * np.tanh(self.cell)
        self.terms = weights["final_conv.weight"][0, :, 0] * np.maximum(self.hidden, 0)
        self.logit = self.terms.sum() + weights["final_conv.bias"][0]

    def conv(self, x, name, stride):
        weight, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias", np.zeros(1))
        y = np.einsum("ock,cwk->ow", weight, windows(x, weight.shape[2], stride)) + bias[:, None]
        self.layers.append((x, weight, stride, y))
        return y

    def relevance_of_cell(self, hidden, cell):
        """From relevance of the state after the step to that of `x` and of the state before. Gates get nothing."""
        share = (hidden + cell) / stable(self.cell)
        candidate, cell = self.enter * self.candidate * share, self.forget * self.before[1] * share
        parts = [np.split(part, 4)[2] for part in self.sums]
        share, found = candidate / stable(sum(parts)), []
        for part, value, name in zip(parts, (self.x, self.before[0]), ("ih", "hh")):
            weight = np.split(self.weights[f"lstm_cell.weight_{name}"], 4)[2]
            found.append(value * (weight.T @ (part * share / stable(part))))
        return *found, cell

    def relevance_of_samples(self, x):
        relevance = x[:, None]
        for layer in self.layers[:0:-1]:
            relevance = of_conv(*layer, relevance)[:, 1:-1]
        power = stable(self.real**2 + self.imaginary**2)
        relevance = np.vstack([self.real**2 * relevance / power, self.imaginary**2 * relevance / power])
        heard = of_conv(*self.layers[0], relevance)[0]
        samples = heard[:-MIRRORED].copy()
        samples[-MIRRORED - 1 : -1] += heard[: -MIRRORED - 1 : -1]
        return samples


def stable(z):
    return z + EPSILON * np.where(z < 0, -1, 1)


def of_conv(x, weight, stride, y, relevance):
    """The epsilon rule."""
    share, found = relevance / stable(y), np.zeros_like(x)
    for window in range(y.shape[1]):
        place = slice(window * stride, window * stride + weight.shape[2])
        found[:, place] += np.einsum("ock,o->ck", weight, share[:, window])
    return x * found


def run(heard, weights):
    hidden, cell, steps = np.zeros(128), np.zeros(128), []
    for samples in heard:
        steps.append(Step(samples, hidden, cell, weights))
        hidden, cell = steps[-1].hidden, steps[-1].cell
    return steps


def relevance(steps):
    """Of the samples that some steps heard, and of the state before them, for the logit after them."""
    last = steps[-1]
    hidden, cell = last.terms * last.logit / stable(last.logit), np.zeros(128)
    samples = np.zeros(CONTEXT + CHUNK * len(steps))
    for place in reversed(range(len(steps))):
        x, hidden, cell = steps[place].relevance_of_cell(hidden, cell)
        samples[place * CHUNK :][: CONTEXT + CHUNK] += steps[place].relevance_of_samples(x)
    return samples, hidden, cell


def compare_with_onnx(path, heard):
    import onnx
    import onnxruntime

    names = {
        "stft.forward_basis_buffer": "stft_conv.weight",
        **{f"encoder.{i}.reparam_conv.{kind}": f"conv{i + 1}.{kind}" for i in range(4) for kind in ("weight", "bias")},
        **{f"decoder.rnn.{part}": f"lstm_cell.{part}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
        **{f"decoder.decoder.2.{kind}": f"final_conv.{kind}" for kind in ("weight", "bias")},
    }
    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    own = run(heard, {ours: found[f"model.{theirs}"].astype(float) for theirs, ours in names.items()})
    session, state, furthest = onnxruntime.InferenceSession(path), np.zeros((2, 1, 128), np.float32), 0
    for samples, step in zip(heard, own):
        inputs = {"input": samples[None].astype(np.float32), "state": state, "sr": np.array(16000)}
        probability, state = session.run(None, inputs)
        furthest = max(furthest, abs(probability.item() - sigmoid(step.logit)))
    print(f"{path}: furthest by {furthest:.1e}", file=sys.stderr)


def lines(values):
    rows = (values[start : start + 8] for start in range(0, len(values), 8))
    return "[\n" + ",\n".join("    " + ", ".join(f"{value:.7f}" for value in row) for row in rows) + "\n  ]"


def main():
    with wave.open(str(RECORDING)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    sound = np.pad(sound, (CONTEXT, -len(sound) % CHUNK))
    heard = [sound[start : start + CONTEXT + CHUNK] for start in range(0, len(sound) - CONTEXT, CHUNK)]
    for path in sys.argv[2:]:
        compare_with_onnx(path, heard)
    steps = run(heard, tensors(pathlib.Path(sys.argv[1]) / "silero_vad_16k.safetensors"))
    logits = [step.logit for step in steps]
    surest = int(np.argmax(logits))
    samples, hidden, cell = relevance(steps[surest + 1 - WINDOW : surest + 1])
    slices = samples[CONTEXT:].reshape(-1, SLICE).sum(axis=1)
    print(f'{{\n  "probabilities": {lines(sigmoid(np.array(logits)))},\n  "logits": {lines(logits)},')
    print(f'  "explained": {surest},\n  "hidden": {hidden.sum():.7f},\n  "cell": {cell.sum():.7f},')
    print(f'  "slices": {lines(slices)}\n}}')


main()
