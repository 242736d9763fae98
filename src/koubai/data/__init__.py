"""Data sets: every one is a frozen description that loads to arrays.

`koubai.data.mnist(train=300)` describes MNIST, `koubai.data.digits()` the bundled digits, and so on: each
registered source under its configuration name, a source of other things than its fields through its `of`.
`koubai.data.flawed(koubai.data.digits(), [koubai.data.Imbalance(20)])` is sound data with something wrong.
"""

from typing import Any

import koubai.data.augment
import koubai.data.flaws
import koubai.data.sources
from koubai.core.errors import nearest
from koubai.core.registry import export
from koubai.data.dataset import DATA, Dataset, DataSource
from koubai.data.sampler import Sampler
from koubai.data.sources.table_file import table
from koubai.data.statistics import DatasetStatistics, describe

__all__ = [
    "DATA",
    "DataSource",
    "Dataset",
    "DatasetStatistics",
    "Sampler",
    "describe",
    "table",
    *export(DATA, globals()),
    *export(koubai.data.flaws.FLAWS, globals()),
    *export(koubai.data.augment.AUGMENTATIONS, globals()),
]


def __getattr__(name: str) -> Any:
    if name in set(DATA):
        return getattr(DATA[name], "of", DATA[name])
    near = nearest(name, DATA)
    hint = f"; did you mean {near!r}?" if near else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}", name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *DATA})
