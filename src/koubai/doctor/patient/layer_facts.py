"""What diagnoses read of one layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import koubai.layers
from koubai.core.layer import LAYERS, Layer
from koubai.core.params import Shape
from koubai.layers.activations import Activation

_ = koubai.layers  # imported so that every layer is registered
OTHER = "other"
OVER_SAMPLES = "_over_samples"  # ends the name of a softmax over the samples instead of the classes


@dataclass(frozen=True)
class LayerFacts:
    """One leaf layer, in forward order.

    `kind` is the layer's configuration name in koubai ("linear", "conv2d", "relu", "sigmoid", "softmax",
    "batch_norm", "dropout" ...), by which it is told; what koubai does not know is "other". What the layer
    is, `part` says: the layer itself, or its class (None: the class of that name, or a layer of which nothing
    is known). A layer called twice appears once, where it was called first; `called` is the number of its
    last call among those of all layers (0: each is called once). `params` are the paths of its parameters,
    the weight first.
    """

    path: str
    kind: str
    in_shape: Shape = ()
    out_shape: Shape = ()
    params: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)  # a layer's own numbers, such as ratio of dropout
    part: Layer | type[Layer] | None = field(default=None, compare=False)
    called: int = field(default=0, compare=False)

    @cached_property
    def traits(self) -> Layer | type[Layer]:
        """What says the traits of the layer (see koubai.core.layer.Layer)."""
        return self.part if self.part is not None else LAYERS.get(self.kind, Layer)

    @cached_property
    def activation(self) -> Activation | None:
        """The activation that bends, which knows its range (that of its default settings); else None."""
        traits = self.traits
        if isinstance(traits, type):
            return traits() if issubclass(traits, Activation) and not traits.affine else None
        return traits if isinstance(traits, Activation) and not traits.affine else None

    @property
    def mixes(self) -> bool:
        """Whether the layer has units, each a weighted sum of inputs: linear or a convolution."""
        return bool(self.params) and self.traits.unit_axis is not None
