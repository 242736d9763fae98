"""The catalog: experiments that come with koubai, one file each in `lab/experiments/`."""

from __future__ import annotations

from dataclasses import replace

from koubai.core.errors import ConfigError, Problem, UnknownName, did_you_mean, nearest
from koubai.lab.declare.experiment import Experiment, Text
from koubai.lab.declare.naming import named
from koubai.lab.experiments.entry import Entry, catalog
from koubai.words import entries
from koubai.words.phrase import phrase


def catalog_entries() -> list[Entry]:
    """Return all entries in the order of their names."""
    return [entry() for entry in catalog().values()]


def catalog_experiment(name: str, data: str | None = None) -> Experiment:
    """Return a catalog experiment on a data set (None = the quick one), with its question in words."""
    known = {entry.name(): entry for entry in catalog_entries()}
    if (entry := known.get(name.replace("_", "-"))) is None:
        raise UnknownName("experiment", name, known)
    data = (data or entry.data[0]).replace("-", "_")
    if data not in entry.data:
        hint = did_you_mean(nearest(data, entry.data)) or phrase("one_of", names=", ".join(entry.data))
        raise ConfigError(entry.name(), [Problem("data", phrase("not_made_for_data", data=data), hint=hint)])
    experiment: Experiment = entry.experiment(data)
    words = entries("experiments")[f"{entry.registry_name}.question"]
    return replace(
        named(experiment),
        name=entry.name() if len(entry.data) == 1 else f"{entry.name()}-{data}",
        question=Text(words["en"], words["ja"]),
        family=entry.registry_name,
    )
