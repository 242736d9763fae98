"""An entry of the catalog: it builds its experiment for a data set and says in sentences what came of it."""

from __future__ import annotations

from typing import ClassVar

from koubai.core.registry import Registry, discover
from koubai.lab.conclude.phrases import outcomes
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Experiment

CATALOG = Registry("experiment")


class Entry:
    """Base of all entries. The docstring tells what the course teaches with it.

    `data` names the data sets it is made for, pictures unless it says otherwise; the first is the quick one
    that needs no files. `also` are other names by which it may be asked for, where no word of the glossary
    leads to it.
    """

    registry_name: ClassVar[str] = ""
    data: ClassVar[tuple[str, ...]] = ("digits", "mnist", "fashion_mnist")
    also: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def name(cls) -> str:
        """The name on the command line."""
        return cls.registry_name.replace("_", "-")

    def experiment(self, data: str) -> Experiment:
        """Return the experiment on one of `data`."""
        raise NotImplementedError

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Return what a learner should take home from this very result: by default, how each arm ended."""
        return outcomes(result)


def catalog() -> Registry:
    """Return the registry of all entries."""
    import koubai.lab.experiments as package

    discover(package.__name__, package.__path__)
    return CATALOG
