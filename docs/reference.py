"""Writes the reference: one page a kind of thing, from the docstrings of what is registered."""

from __future__ import annotations

import inspect
from pathlib import Path

from pages import write

import koubai.data
import koubai.initializers
import koubai.layers
import koubai.losses
import koubai.models
import koubai.optim
import koubai.penalties
import koubai.probes
import koubai.schedules  # registers the schedules, as its neighbors do with theirs
from koubai.core.layer import LAYERS
from koubai.core.registry import Registry
from koubai.data.augment.augmentation import AUGMENTATIONS
from koubai.data.dataset import DATA, DataSource
from koubai.data.flaws.flaw import FLAWS
from koubai.initializers.initializer import INITIALIZERS
from koubai.losses.loss import LOSSES
from koubai.optim.optimizer import OPTIMIZERS
from koubai.penalties.penalty import PENALTIES
from koubai.probes.probe import PROBES
from koubai.schedules.schedule import SCHEDULES

KINDS: dict[str, Registry] = {
    "layers": LAYERS,
    "losses": LOSSES,
    "initializers": INITIALIZERS,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "penalties": PENALTIES,
    "probes": PROBES,
    "data": DATA,
    "augmentations": AUGMENTATIONS,
    "flaws": FLAWS,
}

SHARED: dict[str, type] = {"data": DataSource}
"""Kinds whose base has settings that all of them take."""


def home(cls: type) -> str:
    """Return the module from which users take a class: the first that has it."""
    homes = (koubai, koubai.data, koubai.probes)
    return next(module.__name__ for module in homes if getattr(module, cls.__name__, None) is cls)


def page(kind: str, registry: Registry) -> str:
    """Return the page of one kind in Markdown."""
    parts = [f"# {kind.capitalize()}\n"]
    if kind in SHARED:
        parts.append(inspect.cleandoc(SHARED[kind].__doc__ or "") + "\n")
    for name in registry:
        cls = registry[name]
        signature = str(inspect.signature(cls)).replace(" -> None", "")
        text = inspect.cleandoc(cls.__doc__ or "").split("\n>>>")[0].rstrip()
        called = f"recorded as `{name}`" if kind == "probes" else f'in TOML `type = "{name}"`'
        parts.append(f"## {cls.__name__}\n\n`{home(cls)}.{cls.__name__}{signature}`; {called}\n\n{text}\n")
    return "\n".join(parts)


def write_reference(folder: Path) -> None:
    """Write all pages."""
    folder.mkdir(exist_ok=True)
    for kind, registry in KINDS.items():
        write(folder / f"{kind}.md", page(kind, registry))
