"""Constant initial values; zeros for biases, and to show the symmetry problem for weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array, ParamSpec
from koubai.initializers.initializer import INITIALIZERS, Initializer


@INITIALIZERS.register
@dataclass(frozen=True)
class Constant(Initializer):
    """Every value is `value`."""

    value: float = 0.0

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """The constant."""
        return np.full(spec.shape, self.value)

    def std(self, spec: ParamSpec) -> float:
        """0."""
        return 0.0


@INITIALIZERS.register
@dataclass(frozen=True)
class Zeros(Initializer):
    """Every value is 0: right for biases. In weights it keeps the units of a layer equal forever.

    >>> from koubai.layers import Linear, Sequential, Sigmoid
    >>> from koubai.network import Network
    >>> network = Network(Sequential(Linear(3), Sigmoid(), Linear(1)), (2,), Zeros())
    >>> weights = network.initialize(seed=0)
    >>> root = network.bind(weights, training=True)
    >>> x, t = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[1.0], [-3.0]])
    >>> for _ in range(10):
    ...     _ = root.backward(root.forward(x) - t)
    ...     for name in ("0", "2"):
    ...         root.children[name].weight[:] -= root.children[name].grads["weight"]
    >>> W = weights.params["0.weight"]
    >>> bool(W.all()), bool((W == W[:, :1]).all())
    (True, True)
    """

    def sample(self, spec: ParamSpec, random: np.random.Generator) -> Array:
        """Zeros."""
        return np.zeros(spec.shape)

    def std(self, spec: ParamSpec) -> float:
        """0."""
        return 0.0
