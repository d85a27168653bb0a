#!/usr/bin/env python3
"""Writes the values that examples/explain-text/tests/minilm.rs compares with.

    scripts/reference-minilm.py "$(scripts/fetch-minilm.sh)" > examples/explain-text/tests/reference.json

Needs NumPy, and no framework: WordPiece and the network are written out here from their papers, in double
precision (Devlin et al., arXiv 1810.04805; Reimers and Gurevych, arXiv 1908.10084).
"""

import json
import math
import pathlib
import struct
import sys
import unicodedata

import numpy as np

SENTENCES = [
    "A cat sits on the mat.",
    "A kitten rests on a rug.",
    # The similarities of these three are in the documentation of sentence-transformers: see PUBLISHED.
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
    "Crème brûlée, unbelievably overcaramelised: 3 €?",
]
PUBLISHED = {(2, 3): 0.6660, (2, 4): 0.1046, (3, 4): 0.1411}
LAYERS, HEADS = 6, 12


def tensors(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).astype(float)
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def words(text):
    """Lower case without accents, cut at white space and around punctuation."""
    plain = unicodedata.normalize("NFD", text.lower())
    found = [""]
    for letter in plain:
        kind = unicodedata.category(letter)
        ascii_sign = letter.isascii() and not letter.isalnum() and letter.isprintable() and letter != " "
        if kind == "Mn":
            continue
        if letter.isspace():
            found.append("")
        elif kind.startswith("P") or ascii_sign:
            found += [letter, ""]
        else:
            found[-1] += letter
    return [word for word in found if word]


def pieces(word, vocabulary):
    """The longest piece in the vocabulary, then the longest of the rest, and so on."""
    found, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary)
        end = next(ends, None)
        if end is None:
            return ["[UNK]"]
        found.append(prefix + word[start:end])
        start = end
    return found


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def embed(ids, weights):
    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-12)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    table = lambda name: weights[f"embeddings.{name}_embeddings.weight"]
    x = table("word")[ids] + table("position")[: len(ids)] + table("token_type")[0]
    x = norm(x, "embeddings.LayerNorm")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        split = lambda name: np.stack(np.split(linear(x, f"{layer}.attention.self.{name}"), HEADS, axis=1))
        query, key, value = split("query"), split("key"), split("value")
        seen = softmax(query @ key.swapaxes(1, 2) / math.sqrt(query.shape[2])) @ value
        x = norm(x + linear(np.hstack(seen), f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        wide = linear(x, f"{layer}.intermediate.dense")
        wide = wide * (1 + np.vectorize(math.erf)(wide / math.sqrt(2))) / 2
        x = norm(x + linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def main():
    folder = pathlib.Path(sys.argv[1])
    weights = tensors(folder / "model.safetensors")
    vocabulary = {piece: id for id, piece in enumerate((folder / "vocab.txt").read_text().splitlines())}
    reference = []
    for sentence in SENTENCES:
        found = [piece for word in words(sentence) for piece in pieces(word, vocabulary)]
        found = ["[CLS]", *found, "[SEP]"]
        ids = [vocabulary[piece] for piece in found]
        embedding = embed(ids, weights)
        reference.append(
            {"sentence": sentence, "pieces": found, "ids": ids, "embedding": [round(x, 8) for x in embedding]}
        )
    for (a, b), published in PUBLISHED.items():
        similarity = np.dot(reference[a]["embedding"], reference[b]["embedding"])
        if abs(similarity - published) > 6e-5:
            sys.exit(f"sentences {a} and {b}: {similarity}, published {published}")
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in reference)
    print(f"[\n{lines}\n]")


main()
