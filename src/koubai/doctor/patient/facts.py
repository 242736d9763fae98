"""What is known of a run before it begins: layers, loss, data, as a diagnosis sees them."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.data.dataset import Dataset
from koubai.doctor.patient.layer_facts import LayerFacts
from koubai.doctor.patient.run_facts import DataFacts, LossFacts, OptimizerFacts
from koubai.losses.loss import Loss
from koubai.network.network import Network, join
from koubai.optim.optimizer import Optimizer

REFERENCE_ROWS = 2000


def layer_facts(network: Network) -> tuple[LayerFacts, ...]:
    """Return the leaves of a network as a diagnosis sees them."""
    return tuple(
        LayerFacts(
            cell.path,
            cell.layer.registry_name,
            cell.in_shape,
            cell.out_shape,
            tuple(join(cell.path, name) for name in cell.layer.params(cell.in_shape)),
            {"ratio": cell.layer.ratio} if hasattr(cell.layer, "ratio") else {},
            cell.layer,
        )
        for cell in network.leaves
    )


def loss_facts(loss: Loss) -> LossFacts:
    """Return the loss's name and what it says of itself."""
    return LossFacts(loss.registry_name, loss.takes, loss.likelihood)


def optimizer_facts(optimizer: Optimizer) -> OptimizerFacts:
    """Return the optimizer's name, its numbers and what it says of itself."""
    return OptimizerFacts(
        optimizer.registry_name,
        optimizer.learning_rate,
        momentum=float(getattr(optimizer, "momentum", 0.0)),
        weight_decay=optimizer.decoupled_decay(),
        adaptive=optimizer.adaptive,
    )


def data_facts(dataset: Dataset) -> DataFacts:
    """Return the statistics of the training part, and samples for reference learners (once a dataset)."""
    if dataset not in _facts:
        _facts[dataset] = _measured(dataset)
    return _facts[dataset]


_facts: WeakKeyDictionary[Dataset, DataFacts] = WeakKeyDictionary()  # every look at a run asks again


def _measured(dataset: Dataset) -> DataFacts:
    flat = dataset.x_train.reshape(len(dataset.x_train), -1)
    rows = sample_rows(len(flat), REFERENCE_ROWS)
    part = held_part(dataset)
    x_held, t_held = getattr(dataset, f"x_{part}"), getattr(dataset, f"t_{part}")
    held = sample_rows(len(x_held), REFERENCE_ROWS)
    t = dataset.t_train
    counts = np.bincount(t, minlength=dataset.classes) if dataset.classes is not None else None
    return DataFacts(
        samples=len(flat),
        mean=flat.mean(axis=0, dtype=np.float64),
        std=flat.std(axis=0, dtype=np.float64),
        low=float(flat.min()),
        high=float(flat.max()),
        classes=dataset.classes,
        class_counts=counts,
        target_low=t.reshape(len(t), -1).min(axis=0) if counts is None else None,
        target_high=t.reshape(len(t), -1).max(axis=0) if counts is None else None,
        x=flat[rows],
        t=t[rows],
        x_held=x_held[held].reshape(len(held), -1) if len(held) else None,
        t_held=t_held[held] if len(held) else None,
    )


def sample_rows(n: int, count: int) -> Array:
    """Return `count` of n row numbers, always the same ones, in order."""
    return np.sort(random.permutation(random.key(0, "checkup"), n)[:count])


def held_part(dataset: Dataset) -> str:
    """Name of the part that judges generalization."""
    return "val" if len(dataset.x_val) else "test"
