"""Clusters of k-means: this library's head beside the explicit form, which has a weight for every pair of clusters.

The explicit form is that of Kauffmann et al., IEEE TNNLS 35(2), 2024, arXiv 1906.07633, as a canonizer for Zennit has it:
a linear layer with weights of the size K x (K - 1) x D, and a min pool whose relevance a softmin shares out.
"""

import statistics
import time

import torch
from safetensors.torch import save_file

from networks import random

POINTS, FEATURES, BETA, EPSILON = 64, 64, 0.1, 1e-6
CLUSTERS = [10, 100, 1000, 10000]
# The most bytes that the explicit form may take for its weights.
ROOM = 2 << 30
METHODS = ["cluster-epsilon", "cluster-midpoint"]
CALLS = 5


class Explicit:
    """Epsilon on the linear layer; there is no midpoint rule for it."""

    def __init__(self, centroids):
        clusters = len(centroids)
        others = torch.arange(clusters).expand(clusters, clusters)
        others = others[~torch.eye(clusters, dtype=torch.bool)].reshape(clusters, -1)
        squares = (centroids**2).sum(1)
        self.weight = 2 * (centroids[:, None] - centroids[others])
        self.bias = squares[others] - squares[:, None]

    def explain(self, points):
        h = torch.einsum("nd,ckd->nck", points, self.weight) + self.bias
        scores, own = h.min(2).values.max(1)
        relevance = torch.zeros_like(h)
        at = torch.arange(len(points)), own
        relevance[at] = (-BETA * h[at]).softmax(1) * scores[:, None]
        stable = h + EPSILON * torch.where(h < 0, -1.0, 1.0).to(h.dtype)
        return points * torch.einsum("nck,ckd->nd", relevance / stable, self.weight)


def median_of(call):
    call()
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run(workers, scratch, cosine):
    rows = []
    for clusters in CLUSTERS:
        centroids, points = random((clusters, FEATURES), 1), random((POINTS, FEATURES), 2)
        save_file({"centroids": centroids}, scratch / "weights.safetensors")
        save_file({"x": points}, scratch / "input.safetensors")
        room = 4 * clusters * (clusters - 1) * FEATURES
        fits = room <= ROOM
        explicit = Explicit(centroids) if fits else None
        exact = Explicit(centroids.double()).explain(points.double()) if 2 * room <= ROOM else None
        for method in METHODS:
            row = {"clusters": clusters, "method": method, "weights": room, "seconds": {}, "cosines": {}}
            compared = method == "cluster-epsilon"
            if fits and compared:
                row["seconds"]["pytorch"] = median_of(lambda: explicit.explain(points))
            for worker in workers:
                worker.load("clusters", scratch)
                _, found = worker.first(method)
                row["seconds"][worker.backend] = statistics.median(worker.again(method) for _ in range(CALLS))
                if compared and exact is not None:
                    row["cosines"][worker.backend] = cosine(found, exact)
            rows.append(row)
    return rows


def table(rows, backends):
    if not rows:
        return
    sides = ["pytorch", *backends]
    print(f"\nClusters of k-means, {POINTS} points of {FEATURES} features, seconds; the explicit form's weights in MB:\n")
    print("| clusters | weights MB | method | " + " | ".join(sides) + " | least cosine |")
    print("| --- | --- | --- |" + " --- |" * len(sides) + " --- |")
    for row in rows:
        seconds = [f"{row['seconds'][side]:.5f}" if side in row["seconds"] else "-" for side in sides]
        least = f"{min(row['cosines'].values()):.7f}" if row["cosines"] else ""
        cells = [str(row["clusters"]), f"{row['weights'] / 1e6:.0f}", row["method"], *seconds, least]
        print("| " + " | ".join(cells) + " |")
