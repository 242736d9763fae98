"""A registry a kind: adding a file to its folder adds the thing, its tests and its documentation."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, TypeVar

from koubai.core.errors import UnknownName, UnknownSetting

T = TypeVar("T", bound=type)


def snake(name: str) -> str:
    """Return the configuration spelling of a class name.

    >>> snake("LeakyReLU"), snake("Conv2d"), snake("AdaGrad"), snake("SoftmaxCrossEntropy")
    ('leaky_relu', 'conv2d', 'adagrad', 'softmax_cross_entropy')
    """
    special = {"ReLU": "Relu", "ELU": "Elu", "SELU": "Selu", "GELU": "Gelu", "SiLU": "Silu"}
    special |= {
        "AdaGrad": "Adagrad",
        "RMSProp": "Rmsprop",
        "AdamW": "Adamw",
        "AdaDelta": "Adadelta",
        "LeCun": "Lecun",
    }
    special |= {
        "SGD": "Sgd",
        "AlexNet": "Alexnet",
        "ResNet": "Resnet",
        "LeNet": "Lenet",
        "PNorm": "P_norm",
        "ConvNet": "Convnet",
    }
    for field in sorted(special, key=len, reverse=True):
        name = name.replace(field, special[field])
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Registry(Mapping[str, type]):
    """Named classes of one kind, filled when the modules of a package are imported.

    `aliases` are other names of the field: alias -> registered name.
    """

    def __init__(self, kind: str, aliases: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        self.aliases = dict(aliases or {})
        self._classes: dict[str, type] = {}

    def register(self, cls: T) -> T:
        """Class decorator: make `cls` known under its snake-case name."""
        name = snake(cls.__name__)
        if name in self._classes and self._classes[name] is not cls:
            raise ValueError(f"two classes named {name!r} in the registry of {self.kind}s")
        self._classes[name] = cls
        _name_settings(cls)
        cls.registry_name = name  # type: ignore[attr-defined]  # read by the codec and the docs
        return cls

    def called(self, name: str) -> str:
        """Return the registered name that another name of the field stands for; else the name itself."""
        plain = name.replace("-", "_")
        return self.aliases.get(plain, plain)

    def __getitem__(self, name: str) -> type:
        try:
            return self._classes[self.called(name)]
        except KeyError:
            raise UnknownName(self.kind, name, self._classes) from None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._classes))

    def __len__(self) -> int:
        return len(self._classes)

    def by_class_name(self) -> dict[str, type]:
        """Return the classes under their Python names, for export."""
        return {cls.__name__: cls for cls in self._classes.values()}


def _name_settings(cls: Any) -> None:
    """Let a class say the nearest setting where it is given one that it does not have."""
    made = cls.__init__
    if "__init__" not in vars(cls) or hasattr(made, "__wrapped__"):
        return

    @wraps(made)
    def checked(self: Any, *given: Any, **settings: Any) -> None:
        try:
            made(self, *given, **settings)
        except TypeError:
            parameters = list(inspect.signature(made).parameters.values())[1:]
            names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
            unknown = [name for name in settings if name not in names]
            if not unknown or any(p.kind is p.VAR_KEYWORD for p in parameters):
                raise
            raise UnknownSetting(cls.__name__, unknown[0], names) from None

    cls.__init__ = checked


def discover(package: str, path: Iterable[str]) -> None:
    """Import every module of a package, so that its classes register themselves."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")


def export(registry: Registry, namespace: dict[str, Any]) -> list[str]:
    """Put every class of a registry into a package's namespace; return the names for `__all__`."""
    namespace.update(registry.by_class_name())
    return sorted(registry.by_class_name())
