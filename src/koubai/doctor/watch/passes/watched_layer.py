"""The layers of a model as a pass shows them, and the names by which they are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import ref

from torch import nn

from koubai.core.layer import Layer
from koubai.core.params import Shape
from koubai.doctor.patient.layer_facts import OTHER, LayerFacts
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.program.kinds import LOG_SOFTMAX, part_of
from koubai.doctor.watch.program.walk import modules_of, parameters_of


@dataclass
class WatchedLayer:
    """A leaf layer of a model, by where it is called: a module, or a function inside one."""

    path: str
    kind: str
    layer: Layer | None
    params: tuple[str, ...]
    in_shape: Shape
    out_shape: Shape
    detail: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    place: Place | None = None
    silent: bool = False  # a function koubai does not know: that it is there is all that is known
    called: int = 0

    @property
    def facts(self) -> LayerFacts:
        """As a diagnosis sees it."""
        kind = OTHER if self.kind == LOG_SOFTMAX else self.kind
        part = self.layer or part_of(kind)
        return LayerFacts(
            self.path, kind, self.in_shape, self.out_shape, self.params, self.detail, part, self.called
        )


@dataclass
class Names:
    """Paths of a model's modules and parameters by identity."""

    modules: dict[int, str]
    params: dict[int, str]
    _alive: dict[int, Any]  # weak references to the parameters

    @classmethod
    def of(cls, model: nn.Module) -> Names:
        """Return the paths; what is shared has the first of its names."""
        parameters = list(parameters_of(model))
        return cls(
            {id(module): path for path, module in modules_of(model)},
            {id(p): path for path, p in parameters},
            {id(p): ref(p) for _, p in parameters},
        )

    def renew(self, model: nn.Module) -> None:
        """Take in what was added since: parametrizations, masks of pruning.

        What was taken out keeps its name while an optimizer, or somebody else, holds it.
        """
        now = Names.of(model)
        held = {key: path for key, path in self.params.items() if self._alive[key]() is not None}
        self.modules, self.params = now.modules, held | now.params
        self._alive = {key: self._alive[key] for key in held} | now._alive
