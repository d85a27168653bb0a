#!/usr/bin/env python3
"""Writes the values that examples/explain-speech/tests/silero.rs compares with.

    scripts/reference-silero-vad.py "$(scripts/fetch-silero-vad.sh)" [silero_vad.onnx] \
        > examples/explain-speech/tests/reference.json

Needs NumPy, and no framework: the network is written out here in double precision, from the package's
tinygrad_model.py. Given an ONNX form of the network and onnxruntime, it compares the probabilities with those too.
"""

import json
import pathlib
import struct
import sys
import wave

import numpy as np

RECORDING = pathlib.Path(__file__).parent / "../examples/explain-speech/recordings/syllables.wav"
CHUNK, CONTEXT = 512, 64


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


def conv(x, weight, stride, bias=0.0):
    """From [channels, length] to [channels, windows]."""
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2], axis=1)[:, ::stride]
    return np.einsum("ock,cwk->ow", weight, windows) + np.reshape(bias, (-1, 1))


def step(samples, hidden, cell, weights):
    """One chunk after its context: the logit, and the state after it."""
    x = np.pad(samples, (0, 64), mode="reflect")[None]
    spectrum = conv(x, weights["stft_conv.weight"], 128)
    x = np.hypot(spectrum[:129], spectrum[129:])
    for number, stride in [(1, 1), (2, 2), (3, 2), (4, 1)]:
        x = np.pad(x, ((0, 0), (1, 1)))
        x = np.maximum(conv(x, weights[f"conv{number}.weight"], stride, weights[f"conv{number}.bias"]), 0)
    gates = weights["lstm_cell.weight_ih"] @ x[:, 0] + weights["lstm_cell.bias_ih"]
    gates += weights["lstm_cell.weight_hh"] @ hidden + weights["lstm_cell.bias_hh"]
    enter, forget, candidate, leave = np.split(gates, 4)
    cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(candidate)
    hidden = sigmoid(leave) * np.tanh(cell)
    logit = weights["final_conv.weight"][0, :, 0] @ np.maximum(hidden, 0) + weights["final_conv.bias"][0]
    return logit, hidden, cell


def by_onnx(path, heard):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    state, found = np.zeros((2, 1, 128), np.float32), []
    for samples in heard:
        inputs = {"input": samples[None].astype(np.float32), "state": state, "sr": np.array(16000)}
        probability, state = session.run(None, inputs)
        found.append(float(probability[0, 0]))
    return np.array(found)


def main():
    weights = tensors(pathlib.Path(sys.argv[1]) / "silero_vad_16k.safetensors")
    with wave.open(str(RECORDING)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    sound = np.pad(sound, (CONTEXT, -len(sound) % CHUNK))
    heard = [sound[start : start + CONTEXT + CHUNK] for start in range(0, len(sound) - CONTEXT, CHUNK)]
    hidden, cell, logits = np.zeros(128), np.zeros(128), []
    for samples in heard:
        logit, hidden, cell = step(samples, hidden, cell, weights)
        logits.append(logit)
    probabilities = sigmoid(np.array(logits))
    for path in sys.argv[2:]:
        distance = np.abs(by_onnx(path, heard) - probabilities).max()
        print(f"{path}: largest difference {distance:.1e}", file=sys.stderr)
    lines = lambda values, digits: ",\n".join(
        "    " + ", ".join(f"{value:.{digits}f}" for value in values[start : start + 8])
        for start in range(0, len(values), 8)
    )
    print(f'{{\n  "logits": [\n{lines(logits, 6)}\n  ],\n  "probabilities": [\n{lines(probabilities, 8)}\n  ]\n}}')


main()
