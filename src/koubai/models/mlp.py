"""Multilayer perceptron."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.checks import share, whole
from koubai.core.errors import SettingError
from koubai.core.layer import Layer
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.sequential import Sequential
from koubai.models.model import Model, activation_named, register


@register
@dataclass(frozen=True)
class Mlp(Model):
    """Fully connected layers: Flatten, then for each hidden size Linear, [BatchNorm], activation, [Dropout].

    The last Linear has `classes` outputs and nothing behind it: logits. `batch_norm_trainable` False keeps
    gamma at 1 and beta at 0, as the course's exercise did without meaning to.

    >>> [type(layer).__name__ for layer in Mlp(hidden=(40,), classes=10, batch_norm=True).expand()]
    ['Flatten', 'Linear', 'BatchNorm', 'ReLU', 'Linear']
    """

    hidden: tuple[int, ...] = ()
    classes: int = 10
    activation: str = "relu"
    batch_norm: bool = False
    batch_norm_trainable: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.hidden, tuple | list):
            raise SettingError("sizes_in_a_row", where="Mlp: hidden", got=repr(self.hidden))
        whole(self, 1, hidden=self.hidden, classes=self.classes)
        share(self, dropout=self.dropout)
        activation_named(self.activation, "Mlp")

    def expand(self) -> Sequential:
        """One block for each hidden size, then the logits."""
        layers: list[Layer] = [Flatten()]
        for size in self.hidden:
            layers.append(Linear(size))
            if self.batch_norm:
                layers.append(BatchNorm(trainable=self.batch_norm_trainable))
            layers.append(activation_named(self.activation, "Mlp"))
            if self.dropout:
                layers.append(Dropout(self.dropout))
        return Sequential(*layers, Linear(self.classes))
