"""Writes the reference: one page a kind of thing, from the docstrings of what is registered."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from docstrings import docstring, messages, told
from pages import home, write

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
from koubai.words import LANGUAGES, speaking
from koubai.words.part import about

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

TITLES = {
    "layers": "層",
    "losses": "損失",
    "initializers": "初期値",
    "optimizers": "最適化手法",
    "schedules": "学習率スケジュール",
    "penalties": "正則化",
    "probes": "プローブ（観察）",
    "data": "データ",
    "augmentations": "データ拡張",
    "flaws": "データの欠陥",
}

_CALLED = {
    "en": ('; in TOML `type = "{name}"`', "; recorded as `{name}`"),
    "ja": ('。TOML では `type = "{name}"`', "。記録での名前は `{name}`"),
}


def home_of(cls: type) -> str:
    """Return the module from which users take a class: the first that has it."""
    homes = (koubai, koubai.data, koubai.probes)
    return next(module.__name__ for module in homes if getattr(module, cls.__name__, None) is cls)


def page(kind: str, registry: Registry, lang: str) -> str:
    """Return the page of one kind in Markdown."""
    parts = [f"# {TITLES[kind] if lang == 'ja' else kind.capitalize()}\n"]
    if kind in SHARED:
        parts.append(told(docstring(SHARED[kind]), lang) + "\n")
    for name in registry:
        cls = registry[name]
        signature = str(inspect.signature(cls)).replace(" -> None", "")
        called = _CALLED[lang][kind == "probes"].format(name=name)
        with speaking(lang):
            first = about(name, cls.__doc__)
        parts.append(f"## {cls.__name__}\n\n`{home_of(cls)}.{cls.__name__}{signature}`{called}\n\n{first}\n")
        parts += [f"{told(rest, lang)}\n"] if (rest := details(cls)) else []
    return "\n".join(parts)


def details(cls: type) -> str:
    """Return what a docstring says behind its first line, which the words have."""
    return docstring(cls).partition("\n")[2].strip("\n")


def sentences() -> Iterator[str]:
    """Return all sentences of docstrings that these pages show."""
    for base in SHARED.values():
        yield from messages(docstring(base))
    for registry in KINDS.values():
        for name in registry:
            yield from messages(details(registry[name]))


def write_reference(root: Path) -> None:
    """Write all pages in every language."""
    for lang in LANGUAGES:
        for kind, registry in KINDS.items():
            write(home(lang, root) / f"{kind}.md", page(kind, registry, lang))
