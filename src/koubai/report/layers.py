"""What a path like 3.weight is called in a figure: '3 Linear'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from koubai.core.layer import Layer
from koubai.lab.conclude.result import ExperimentResult


@dataclass(frozen=True)
class Layers:
    """Class names of the layers of one network, by path."""

    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, result: ExperimentResult, arm: str) -> Layers:
        """Return the layers of an arm's network; none where its plan is no recipe."""
        experiment = result.experiment
        plan = experiment.plan(experiment[arm], experiment.seeds[0])
        return cls.of_network(getattr(plan, "network", None))

    @classmethod
    def of_network(cls, network: Layer | None) -> Layers:
        """Return the layers of a network description."""
        names: dict[str, str] = {}
        if network is not None:
            _collect(network, "", names)
        return cls(names)

    def title(self, path: str) -> str:
        """Return the name of a layer, or of the layer that a parameter belongs to.

        >>> Layers({"3": "Linear"}).title("3.weight"), Layers().title("3.weight")
        ('3 Linear', '3')
        """
        place = path if path in self.names else path.rpartition(".")[0] or path
        return f"{place} {self.names[place]}" if place in self.names else place


def aligned(
    paths: Mapping[str, Sequence[str]], layers: Mapping[str, Layers]
) -> tuple[dict[str, tuple[str, ...]], bool]:
    """Return what several arms' layers are called, so that equal names stand for equal places.

    Where all arms have the same layers these have their own names ('3 Linear'). Else, and then the second
    value is True, a layer is called by its number among those with weights: '#2 Linear', or '#2' where the
    kinds differ.
    """
    named = {arm: tuple(layers[arm].title(path) for path in own) for arm, own in paths.items()}
    if len(set(filter(None, named.values()))) <= 1:
        return named, False
    kinds: dict[int, set[str]] = {}
    for titles in named.values():
        for i, title in enumerate(titles):
            kinds.setdefault(i, set()).add(title.partition(" ")[2])
    numbers = [f"#{i + 1} {kind.pop() if len(kind) == 1 else ''}".strip() for i, kind in kinds.items()]
    return {arm: tuple(numbers[: len(titles)]) for arm, titles in named.items()}, True


def _collect(layer: Layer, path: str, names: dict[str, str]) -> None:
    if path:
        names[path] = type(layer).__name__
    for name, child in layer.children().items():
        _collect(child, f"{path}.{name}" if path else name, names)
