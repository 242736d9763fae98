"""Data sets: every one is a frozen description that loads to arrays."""

from koubai.core.registry import discover, export
from koubai.data.dataset import DATA, Dataset, DataSource
from koubai.data.sampler import Sampler

discover(__name__, __path__)
__all__ = ["DATA", "DataSource", "Dataset", "Sampler", *export(DATA, globals())]
