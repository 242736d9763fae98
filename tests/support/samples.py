"""Samples: what the author of a layer gives, and conformance tests do the rest.

A test file of a layer holds `SAMPLES`. Each is a layer with its settings, an input shape and a twin: the
same function written with PyTorch, from x and the parameters. Adding a sample adds its tests.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.layer import Cell, Layer
from koubai.network import Network


@dataclass(frozen=True)
class Sample:
    layer: Layer
    shape: tuple[int, ...]
    twin: Callable[[Any, dict[str, Any]], Any]
    batch: int = 3
    training: bool = True
    note: str = ""

    @property
    def id(self):
        note = f" {self.note}" if self.note else ""
        return f"{self.layer!r} on {self.shape}{note}"

    def network(self):
        return Network(self.layer, self.shape)

    def cell(self, dtype="float64") -> Cell:
        """A cell with parameters and buffers that are nobody's special case."""
        network = self.network()
        weights = network.initialize(7, dtype)
        random = np.random.default_rng(8)
        for values in (*weights.params.values(), *weights.buffers.values()):
            values[...] += random.uniform(0, 0.5, values.shape)
        root = network.bind(weights, training=self.training, seed=9)
        for cell in root.walk():
            cell.step = 1
        return root

    def x(self, dtype="float64", batch=None):
        return spread((self.batch if batch is None else batch, *self.shape), dtype)

    @property
    def terms(self):
        """An upper bound for the length of any sum in the layer."""
        network = self.network()
        return 1 + self.batch * max(prod(self.shape), prod(network.out_shape), network.parameter_count)


def spread(shape, dtype="float64", seed=0):
    """Numbers in [-2, 2], all different and none at 0: away from the kinks of ReLU and of maxima."""
    size = prod(shape)
    values = np.linspace(-2, 2, size + size % 2 + 2)[1:-1][:size]
    return np.random.default_rng(seed).permutation(values).reshape(shape).astype(dtype)


def params(cell):
    """All parameters of a tree by path."""
    return {(f"{c.path}." if c.path else "") + name: p for c in cell.walk() for name, p in c.params.items()}


def gradients(cell):
    """All gradients of a tree by path."""
    return {(f"{c.path}." if c.path else "") + name: c.grads[name] for c in cell.walk() for name in c.params}


def collect(folder, name="SAMPLES"):
    """Return the samples of every test file of a folder; a sample belongs to the file that lists it."""
    found = []
    for path in sorted(Path(folder).glob("test_*.py")):
        if f"\n{name} = " in path.read_text():
            spec = importlib.util.spec_from_file_location(f"samples_of_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found += getattr(module, name)
    return found
