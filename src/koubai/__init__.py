"""koubai: neural networks you can see through.

    import koubai as kb

    net = kb.Sequential(kb.Flatten(), kb.Linear(40), kb.ReLU(), kb.Linear(10))
    run = kb.fit(net, kb.data.digits(), optimizer=kb.Adam(0.01), steps=1000)
    run.scores["test"].accuracy, run.findings

Everything public is exported here and nowhere else: the names of `_EXPORTS`, the subpackages of
`_SUBPACKAGES`, and every class that registered itself in one of `_REGISTRIES`, so that a new layer or
optimizer needs no line here. Names are looked up when they are first used; importing koubai loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "Clipping": "koubai.optim.clipping",
    "Dataset": "koubai.data.dataset",
    "EarlyStopping": "koubai.train.early_stopping",
    "Experiment": "koubai.lab.declare.experiment",
    "History": "koubai.probes.history",
    "KoubaiError": "koubai.core.errors",
    "Moment": "koubai.api",
    "Network": "koubai.network.network",
    "Observation": "koubai.engines.engine",
    "Recipe": "koubai.train.recipe",
    "Run": "koubai.api",
    "RunFolder": "koubai.train.folder",
    "Session": "koubai.train.session",
    "fit": "koubai.api",
    "from_onnx": "koubai.api",
    "from_torch": "koubai.api",
    "import_weights": "koubai.api",
    "load": "koubai.api",
    "resume": "koubai.api",
    "save": "koubai.api",
    "watch": "koubai.api",
}
_SUBPACKAGES = (
    "data",
    "doctor",
    "engines",
    "lab",
    "layers",
    "losses",
    "models",
    "network",
    "optim",
    "probes",
    "sklearn",
    "train",
)
_REGISTRIES = ("layers", "models", "losses", "initializers", "optim", "schedules", "penalties")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        found = import_module("importlib.metadata").version("koubai")
    elif name.startswith("_"):
        raise AttributeError(f"module 'koubai' has no attribute {name!r}", name=name)
    elif name in _EXPORTS:
        found = getattr(import_module(_EXPORTS[name]), name)
    elif name in _SUBPACKAGES:
        return import_module(f"koubai.{name}")
    else:
        found = _registered(name)
    globals()[name] = found
    return found


def _registered(name: str) -> Any:
    classes = _classes()
    if name in classes:
        return classes[name]
    from koubai.core.errors import nearest

    near = nearest(name, {*_EXPORTS, *_SUBPACKAGES, *classes})
    hint = f"; did you mean {near!r}?" if near else ""
    raise AttributeError(f"module 'koubai' has no attribute {name!r}{hint}", name=name)


def _classes() -> dict[str, type]:
    """Return every registered class under its Python name."""
    from koubai.core.registry import Registry

    return {
        name: cls
        for package in _REGISTRIES
        for registry in vars(import_module(f"koubai.{package}")).values()
        if isinstance(registry, Registry)
        for name, cls in registry.by_class_name().items()
    }


def __dir__() -> list[str]:
    return sorted({"__version__", *_EXPORTS, *_SUBPACKAGES, *_classes()})
