#!/usr/bin/env python3
"""Measures how time and peak memory of this library grow with the size of what is explained:

    growth.py --program target/release/compare-with-libtorch [--backend flex] [--json growth.json]

Every size and method has a process of its own: one first call, then the median of three. An exponent is the slope of a
line through logarithms: with 1, twice the size takes twice as long. Of time it is fitted to all sizes, and "last" to
the two largest alone, where what a call costs at any size counts least. Memory is the peak of the process above what it
held after loading. A constant part of it, such as merged weights, is taken out by fitting what each size needs more
than the one before: sizes double, so this grows with the same exponent.
"""

import argparse
import json
import math
import pathlib
import statistics
import sys
import tempfile
import warnings
from contextlib import closing
from dataclasses import dataclass
from typing import Callable

from safetensors.torch import save_file

import networks
from worker import Worker

CALLS = 3
# Less than this share of the largest step is chance: the page that happened to be there.
LEAST_STEP = 0.05
LRP = "epsilon-plus-flat"
# Of the network "deep": numbers between two layers, and rows of its input.
WIDTH, ROWS = 256, 256


def image(batch, side):
    return networks.random((batch, 3, side, side), 2).clamp(-3, 3)


@dataclass
class Growth:
    quantity: str
    network: str
    sizes: list[int]
    given: Callable
    methods: list[str]
    expected: str
    # Fitted against this power of the size: pixels grow with the square of a side.
    power: int = 1


GROWTHS = [
    Growth("batch", "resnet50", [1, 2, 4, 8, 16, 32], lambda batch: image(batch, 64), [LRP, "gradient"], "1"),
    Growth("side", "resnet50", [32, 64, 128, 256, 512], lambda side: image(1, side), [LRP, "gradient"],
           "1 (of pixels)", power=2),
    Growth("depth", "deep", [4, 8, 16, 32, 64, 128], lambda depth: networks.random((ROWS, WIDTH), 2),
           [LRP, "gradient"], "1"),
    Growth("tokens", "minilm", [32, 64, 128, 256, 512],
           lambda tokens: networks.inputs("minilm", 4).reshape(1, -1)[:, :tokens], ["attn-lrp", "gradient"], "1 to 2"),
    Growth("targets", "resnet50", [1, 2, 4, 8, 16, 32], lambda count: image(1, 64), [LRP], "at most 1"),
]


def deep(depth):
    """Weights that keep values of one size through any number of ReLUs."""
    scale = math.sqrt(2 / WIDTH)
    weights = {f"linears.{layer}.weight": scale * networks.random((WIDTH, WIDTH), layer) for layer in range(depth)}
    return weights | {f"linears.{layer}.bias": 0.1 * networks.random(WIDTH, 1000 + layer) for layer in range(depth)}


def write(growth, size, model, folder):
    given = growth.given(size)
    if growth.network == "deep":
        save_file(deep(size), folder / "weights.safetensors")
        save_file({"x": given}, folder / "input.safetensors")
    else:
        networks.write(growth.network, model, given, folder)


def status(process, field):
    """Bytes, as Linux tells them."""
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field + ":")).split()[1])


def measure(growth, size, method, program, backend, folder):
    """Seconds of a call, and bytes at the peak."""
    with closing(Worker(program, backend, folder)) as worker:
        worker.load(growth.network, folder)
        held = status(worker.process, "VmRSS")
        # Forgets the peak of loading, below which small sizes would not show.
        pathlib.Path(f"/proc/{worker.process.pid}/clear_refs").write_text("5")
        first, again = {"first": {"method": method, "out": str(worker.out)}}, {"again": {"method": method}}
        if growth.quantity == "targets":
            first = again = {"targets": {"method": method, "count": size}}
        worker.ask(first)
        answers = [worker.ask(again) for _ in range(CALLS)]
    seconds = statistics.median(answer["seconds"] for answer in answers)
    return {"size": size, "seconds": seconds, "memory": answers[-1]["peak"] - held}


def exponent(sizes, values):
    """Slope of the logarithms; a value that is not above 0 is left out."""
    known = [(math.log(size), math.log(value)) for size, value in zip(sizes, values) if value > 0]
    return statistics.linear_regression(*zip(*known)).slope if len(known) > 1 else None


def fitted(growth, method, points):
    sizes = [point["size"] ** growth.power for point in points]
    seconds, memory = ([point[what] for point in points] for what in ("seconds", "memory"))
    more = [after - before for before, after in zip(memory, memory[1:])]
    more = [step if step > LEAST_STEP * max(more) else 0 for step in more]
    return {
        "quantity": growth.quantity, "network": growth.network, "method": method, "points": points,
        "time": exponent(sizes, seconds), "last": exponent(sizes[-2:], seconds[-2:]),
        "memory": exponent(sizes[1:], more), "expected": growth.expected,
    }


def table(rows):
    print("\n| quantity | method | sizes | seconds | MB | time | last | memory | expected |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        sizes = " ".join(str(point["size"]) for point in row["points"])
        seconds = " ".join(f"{point['seconds']:.3g}" for point in row["points"])
        memory = " ".join(f"{point['memory'] / 1e6:.0f}" for point in row["points"])
        fits = ["-" if row[fit] is None else f"{row[fit]:.2f}" for fit in ("time", "last", "memory")]
        cells = [row["quantity"], row["method"], sizes, seconds, memory, *fits, row["expected"]]
        print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--program", required=True, help="the compiled benchmark")
    parser.add_argument("--backend", default="flex")
    parser.add_argument("--json", type=pathlib.Path, help="where numbers go")
    known = [growth.quantity for growth in GROWTHS]
    parser.add_argument("--quantities", nargs="+", choices=known, default=known)
    args = parser.parse_args()
    rows = []
    for growth in (growth for growth in GROWTHS if growth.quantity in args.quantities):
        print(f"{growth.quantity} ...", file=sys.stderr, flush=True)
        model = networks.build(growth.network) if growth.network != "deep" else None
        points = {method: [] for method in growth.methods}
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for size in growth.sizes:
                write(growth, size, model, folder)
                for method in growth.methods:
                    points[method].append(measure(growth, size, method, args.program, args.backend, folder))
        rows += [fitted(growth, method, found) for method, found in points.items()]
    table(rows)
    if args.json:
        args.json.write_text(json.dumps({"backend": args.backend, "rows": rows}, indent=1))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
