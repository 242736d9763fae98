"""scikit-learn's MLPClassifier, for the networks that it can express."""

from __future__ import annotations

import numpy as np

from koubai.layers.activations import Sigmoid
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.optim.adam import Adam
from koubai.optim.sgd import SGD
from koubai_benchmarks.speed.peers.peer import Peer, Runner
from koubai_benchmarks.speed.workload import Workload


def prepare(workload: Workload, threads: int) -> Runner:
    """One call of partial_fit is one epoch of `samples` / batch steps; the environment sets the threads."""
    from numba import njit
    from sklearn.neural_network import MLPClassifier

    from koubai.engines.native.kernels.denormals import flush_denormals

    njit(lambda: flush_denormals())()  # noqa: PLW0108 -- as koubai's engine does; NumPy alone does not
    x, t = workload.data(workload.samples)
    *hidden, _ = [cell.out_shape[0] for cell in workload.network.leaves if isinstance(cell.layer, Linear)]
    sigmoid = any(isinstance(cell.layer, Sigmoid) for cell in workload.network.leaves)
    model = MLPClassifier(
        tuple(hidden),
        "logistic" if sigmoid else "relu",
        solver="adam" if isinstance(workload.optimizer, Adam) else "sgd",
        alpha=0,
        momentum=0,
        batch_size=workload.batch_size,
        learning_rate_init=workload.optimizer.learning_rate,
    )
    classes = np.arange(workload.classes)
    steps_per_epoch = workload.samples // workload.batch_size

    def run(steps: int) -> int:
        epochs = max(1, round(steps / steps_per_epoch))
        for _ in range(epochs):
            model.partial_fit(x, t, classes=classes)
        return epochs * steps_per_epoch

    return run


def _refuses(workload: Workload) -> str | None:
    others = {type(cell.layer).__name__ for cell in workload.network.leaves} - {"Linear", "ReLU", "Sigmoid"}
    if others:
        return f"has no {', '.join(sorted(others))}"
    activations = {type(c.layer) for c in workload.network.leaves if isinstance(c.layer, ReLU | Sigmoid)}
    if len(activations) > 1 or type(workload.optimizer) not in (SGD, Adam):
        return "knows one activation, and SGD or Adam"
    return None


PEERS = (Peer("sklearn-mlp", "sklearn", prepare, _refuses),)
