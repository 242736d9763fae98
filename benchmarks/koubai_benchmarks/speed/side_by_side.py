"""What peers need to train all runs of the experiment as one program: arms of a seed share batches.

Arrays of S seeds and A arms, sigmoid arms first:

| name | shape             |
|------|-------------------|
| W1   | (S, 784, 40 A)    |
| W2   | (S A, 40, 20)     |
| W3   | (S A, 20, 10)     |
| b    | (S, 1, 40 A), ... |
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from koubai.core.params import Array
from koubai_benchmarks.speed.experiment import ARMS, SEEDS

ORDER = tuple(sorted(ARMS, key=lambda arm: arm.startswith("ReLU")))
SIGMOIDS = sum(arm.startswith("sigmoid") for arm in ORDER)
SIZES = 784, 40, 20, 10
RATE, BATCH = 0.1, 100


def initial(seed: int = 0) -> list[tuple[Array, Array]]:
    """Return W and b of each layer, for all runs."""
    random, arms, layers = np.random.default_rng(seed), len(ORDER), []
    for i, (fan_in, out) in enumerate(pairwise(SIZES)):
        scales = np.array([_scale(arm, fan_in) for arm in ORDER], np.float32)
        W = random.standard_normal((SEEDS, arms, fan_in, out), np.float32) * scales[:, None, None]
        if i == 0:
            W = W.transpose(0, 2, 1, 3).reshape(SEEDS, fan_in, arms * out)
        else:
            W = W.reshape(SEEDS * arms, fan_in, out)
        layers.append((np.ascontiguousarray(W), np.zeros((len(W), 1, W.shape[2]), np.float32)))
    return layers


def _scale(arm: str, fan_in: int) -> float:
    gain = {"Xavier": 1.0, "He": 2.0}.get(arm.split(" + ")[1])
    return 0.01 if gain is None else float((gain / fan_in) ** 0.5)


def show(accuracies: Array) -> None:
    """Print the test accuracies (S A) as the other sides do."""
    table = accuracies.reshape(SEEDS, len(ORDER))
    for arm in ARMS:
        print(f"{arm:24s}", *(f"{score:.4f}" for score in table[:, ORDER.index(arm)]))
