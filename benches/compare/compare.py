#!/usr/bin/env python3
"""Times this library beside PyTorch, Zennit and Captum, on the same weights and input, and compares the numbers.

Both sides stay in memory and are called in turn, so that what else the machine does meets both. Times are of prepared
explainers; the first call is a column of its own. Ratios are to "grad", PyTorch's own forward pass and gradient of the
input, in the same run.
"""

import argparse
import datetime
import gc
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack

import torch

import clusters
import networks
from reference import RUNS, Reference
from worker import Worker

LRP = ["epsilon", "epsilon-plus-flat", "epsilon-gamma-box", "epsilon-alpha2-beta1-flat"]
AVERAGES = ["integrated-gradients", "smoothgrad"]
# EfficientNet pads by itself, as TensorFlow does, and Zennit's box would count that border as pixels.
WITHOUT_BOX = [method for method in LRP if method != "epsilon-gamma-box"]
METHODS = {"mlp": ["epsilon", *AVERAGES], "minilm": ["attn-lrp"], "efficientnet-lite0": [*WITHOUT_BOX, *AVERAGES]}
# SmoothGrad's noise differs, and behind a layer norm the gradients of a token add up to 0.
NOT_COMPARED = ["forward", "smoothgrad"]
NOT_COMPARED_OF = {"minilm": [*NOT_COMPARED, "gradient"]}
LEAST_COSINE = 0.99999
# Their forward functions, or Burn's padding, make tensors of single precision.
SINGLE_ONLY = ["minilm", "efficientnet-lite0"]
# Whole rounds over all methods: more where they are short.
ROUNDS, SECONDS = (3, 15), 20


def methods_of(network, batch):
    # The averages are n gradients at every batch size.
    known = METHODS.get(network, [*LRP, *AVERAGES])
    return ["forward", "gradient", *(method for method in known if batch == 1 or method not in AVERAGES)]


def timed(explain):
    start = time.perf_counter()
    explain()
    return time.perf_counter() - start


def cosine(a, b):
    a, b = a.double().flatten(), b.double().flatten()
    return (a @ b / (a.norm() * b.norm())).item()


class Case:
    """One network at one batch size."""

    def __init__(self, network, batch, workers, scratch):
        self.network, self.batch, self.workers, self.scratch = network, batch, workers, scratch
        self.model, self.given = networks.build(network), networks.inputs(network, batch)
        networks.write(network, self.model, self.given, scratch)
        self.reference = Reference(network, self.model, self.given)
        self.methods = methods_of(network, batch)
        self.not_compared = NOT_COMPARED_OF.get(network, NOT_COMPARED)

    def run(self):
        rows, cosines = {("pytorch", method): {"times": []} for method in self.methods}, {}
        for worker in self.workers:
            worker.load(self.network, self.scratch)
            rows[worker.backend, "forward"] = {"times": []}
        for method in self.methods:
            found = {"pytorch": self.reference.explain(method)} if method not in self.not_compared else {}
            for worker in self.workers if method != "forward" else []:
                seconds, relevance = worker.first(method)
                rows[worker.backend, method] = {"first": seconds, "times": []}
                found[worker.backend] = relevance
            if method not in self.not_compared:
                cosines[method] = self.compare(method, found)
        spent = done = 0
        while done < ROUNDS[0] or (spent < SECONDS and done < ROUNDS[1]):
            for method in self.methods:
                with self.reference.method(method) as explain:
                    # Hooks of Zennit leave cycles behind, which would be collected in the time of the others.
                    gc.collect()
                    rows["pytorch", method]["times"].append(timed(explain))
                for worker in self.workers:
                    rows[worker.backend, method]["times"].append(worker.again(method))
            spent = sum(sum(row["times"]) for row in rows.values())
            done += 1
        return [self.row(side, method, row, rows, cosines) for (side, method), row in rows.items()]

    def compare(self, method, found):
        """For each side, the cosines of the first sample's relevance with PyTorch in double precision: as it was found,
        in single precision, and of this library in double precision too."""
        model = networks.build(self.network).double()
        exact = Reference(self.network, model, self.given[:1]).explain(method)
        cosines = {side: {"single": cosine(relevance[:1], exact)} for side, relevance in found.items()}
        for worker in self.workers if self.batch == 1 and self.network not in SINGLE_ONLY else []:
            cosines[worker.backend]["double"] = cosine(worker.double(method), exact)
        return cosines

    def row(self, side, method, row, rows, cosines):
        grad = statistics.median(rows["pytorch", "gradient"]["times"])
        times, runs = row["times"], RUNS if method in AVERAGES else 1
        return {
            "network": self.network, "batch": self.batch, "method": method, "side": side,
            "seconds": statistics.median(times), "least": min(times), "most": max(times), "runs": len(times),
            "first": row.get("first"), "grads": runs, "ratio": statistics.median(times) / (grad * runs),
            "cosines": cosines.get(method, {}).get(side, {}),
        }


def peaks(network, batch, methods, program, backends, scratch):
    """Peak memory of each method, each in a process of its own."""
    model, given = networks.build(network), networks.inputs(network, batch)
    networks.write(network, model, given, scratch)
    found = []
    for method in methods:
        command = [sys.executable, __file__, "--peak-of", network, str(batch), method]
        peak = int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])
        found.append({"network": network, "batch": batch, "method": method, "side": "pytorch", "peak": peak})
        for backend in backends if method != "forward" else []:
            worker = Worker(program, backend, scratch)
            worker.load(network, scratch)
            found.append(found[-1] | {"side": backend, "peak": worker.peak(method)})
            worker.close()
    return found


def peak_of(network, batch, method):
    reference = Reference(network, networks.build(network), networks.inputs(network, int(batch)))
    for _ in range(2):
        reference.explain(method)
    print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def worst(row):
    """The cosine that counts: in single precision the ReLUs of a deep network open and close by chance, for PyTorch as
    for this library, and every gradient with them."""
    return row["cosines"].get("double", row["cosines"].get("single"))


def table(rows, sides):
    """One line a method: seconds, and the ratio to PyTorch's gradient with that of the fastest and the slowest run."""
    print("\n| network, batch | method | " + " | ".join(f"{side} s | ratio" for side in sides) + " | least cosine |")
    print("| --- | --- |" + " --- | --- |" * len(sides) + " --- |")
    keys = dict.fromkeys((row["network"], row["batch"], row["method"]) for row in rows)
    for key in keys:
        of = {row["side"]: row for row in rows if (row["network"], row["batch"], row["method"]) == key}
        cells = []
        for side in sides:
            row = of[side]
            unit = row["ratio"] / row["seconds"]
            spread = f"{row['least'] * unit:.2f}..{row['most'] * unit:.2f}"
            cells += [f"{row['seconds']:.3f}", f"{row['ratio']:.2f} ({spread})"]
        cosines = [worst(row) for side, row in of.items() if side != "pytorch" and row["cosines"]]
        least = f"{min(cosines):.7f}" if cosines else ""
        print(f"| {key[0]}, {key[1]} | {key[2]} | " + " | ".join(cells) + f" | {least} |")


def first_calls(rows):
    print("\nFirst call, of a model that was never recorded, beside the plain forward pass and one later call:\n")
    print("| network, batch | method | backend | first s | forward + later s |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        if row["first"] is not None:
            alike = [other for other in rows if (other["network"], other["batch"], other["side"]) ==
                     (row["network"], row["batch"], row["side"]) and other["method"] == "forward"]
            both = alike[0]["seconds"] + row["seconds"]
            print(f"| {row['network']}, {row['batch']} | {row['method']} | {row['side']} | {row['first']:.3f} | {both:.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True, help="the compiled benchmark")
    parser.add_argument("--quick", action="store_true", help="ResNet50, one image at a time")
    parser.add_argument("--networks", nargs="+", choices=networks.NETWORKS, default=list(networks.NETWORKS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 8, 16])
    parser.add_argument("--backends", nargs="+", default=["tch", "flex"])
    parser.add_argument("--no-clusters", action="store_true", help="leave out k-means")
    parser.add_argument("--no-memory", action="store_true", help="leave out peak memory")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("compare.json"), help="where numbers go")
    args = parser.parse_args()
    if args.quick:
        args.networks, args.batches = ["resnet50"], [1]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, PyTorch {torch.__version__},",
          f"{torch.get_num_threads()} threads, {datetime.date.today()}", flush=True)
    sides, found = ["pytorch", *args.backends], {"rows": [], "clusters": [], "memory": []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = pathlib.Path(folder)
        workers = [Worker(args.program, backend, scratch) for backend in args.backends]
        for worker in workers:
            stack.callback(worker.close)
        for network in args.networks:
            for batch in args.batches:
                print(f"{network}, batch {batch} ...", file=sys.stderr, flush=True)
                found["rows"] += Case(network, batch, workers, scratch).run()
                write(found, args.json)
        if not args.quick and not args.no_clusters:
            found["clusters"] = clusters.run(workers, scratch, cosine)
            write(found, args.json)
    if not args.quick and not args.no_memory:
        with tempfile.TemporaryDirectory() as folder:
            for network in args.networks:
                methods = methods_of(network, 8)[1:]
                found["memory"] += peaks(network, 8, methods, args.program, args.backends, pathlib.Path(folder))
                write(found, args.json)
    table(found["rows"], sides)
    first_calls(found["rows"])
    clusters.table(found["clusters"], args.backends)
    memory_table(found["memory"])
    print(f"\nNumbers: {args.json}")
    sys.exit(0 if agree(found["rows"]) and agree_on_clusters(found["clusters"]) else 1)


def write(found, path):
    """After each part, so that a run that is cut leaves what it has."""
    of_run = {"date": str(datetime.date.today()), "machine": platform.processor() or platform.machine(),
              "cores": os.cpu_count(), "pytorch": torch.__version__}
    path.write_text(json.dumps(of_run | found, indent=1))


def memory_table(rows):
    if rows:
        print("\n| network, batch | method | side | peak memory, MB |\n| --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row['network']}, {row['batch']} | {row['method']} | {row['side']} | {row['peak'] / 1e6:.0f} |")


def agree(rows):
    """Whether this library's numbers are those of PyTorch in double precision: by this cosine in double precision, and
    in single precision as near as PyTorch's own."""
    wrong = []
    for row in (row for row in rows if row["side"] != "pytorch" and row["cosines"]):
        of_pytorch = next(other["cosines"]["single"] for other in rows if other["side"] == "pytorch" and
                          all(other[key] == row[key] for key in ("network", "batch", "method")))
        allowed = {"double": LEAST_COSINE, "single": min(LEAST_COSINE, 1 - 3 * (1 - of_pytorch))}
        wrong += [(row, kind) for kind, found in row["cosines"].items() if not found >= allowed[kind]]
    for row, kind in wrong:
        print(f"{row['network']}, batch {row['batch']}, {row['method']} on {row['side']}: the cosine with PyTorch in "
              f"double precision is {row['cosines'][kind]} ({kind} precision)", file=sys.stderr)
    return not wrong


def agree_on_clusters(rows):
    wrong = [row for row in rows if any(not cosine >= LEAST_COSINE for cosine in row["cosines"].values())]
    for row in wrong:
        print(f"{row['clusters']} clusters, {row['method']}: cosines {row['cosines']}", file=sys.stderr)
    return not wrong


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["--peak-of"]:
        peak_of(*sys.argv[2:])
    else:
        main()
