"""Settings of a call such as kb.fit: names become parts, epochs become steps, and every mistake is told."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from koubai.core.errors import Problem, SettingError
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD
from koubai.train.plain import hints_of, suggestion
from koubai.train.recipe import Recipe
from koubai.words.phrase import phrase

_PARTS = ("loss", "optimizer", "schedule", "penalties", "clipping", "initializer", "early_stopping")
_MORE = ("epochs", "learning_rate")  # what stands for fields of Recipe
_OF_FIT = (
    "engine",
    "threads",
    "device",
    "data_dir",
    "observation",
    "folder",
    "overwrite",
    "save_every",
    "progress",
    "allow_memory",
    "target",
    "sample_weight",
    "class_weight",
    "callbacks",
)


def understood(
    settings: Mapping[str, Any], samples: Callable[[], int]
) -> tuple[dict[str, Any], list[Problem]]:
    """Return settings as fields of Recipe, and what is wrong with them.

    Args:
        settings: by name; parts as objects, or as in a file: "adam", {"type": "adam", "beta1": .8}.
        samples: how many samples an epoch has; asked for with `epochs` only.
    """
    names = [field.name for field in fields(Recipe)]
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in settings.items():
        if name in _PARTS:
            found[name] = _part(name, value, problems)
        elif name in names:
            found[name] = value
        elif name not in _MORE:
            hint = suggestion(name, [*names, *_MORE, *_OF_FIT])
            problems.append(Problem(name, phrase("fit_takes_no_such_setting"), hint=hint))
    if "learning_rate" in settings:
        _learning_rate(found, settings["learning_rate"], problems)
    if "epochs" in settings:
        _epochs(found, settings["epochs"], samples, problems)
    wrong = {problem.path.split(".")[0] for problem in problems}
    return {name: value for name, value in found.items() if name not in wrong}, problems


def _part(name: str, value: Any, problems: list[Problem]) -> Any:
    """Return a part that is described as in a file, made; anything else as it is."""
    from koubai.train.faults import Faults
    from koubai.train.schema import read_plain

    described = isinstance(value, str | dict) or (
        isinstance(value, list | tuple) and any(isinstance(item, str | dict) for item in value)
    )
    if not described:
        return value
    try:
        return read_plain(
            hints_of(Recipe)[name], [value] if name == "penalties" and isinstance(value, str) else value
        )
    except Faults as found:
        for fault in found.faults:
            path = ".".join([name, *map(str, fault.place)])
            problems.append(Problem(path, fault.message, hint=fault.hint))
    return value


def _learning_rate(found: dict[str, Any], value: Any, problems: list[Problem]) -> None:
    optimizer = found.get("optimizer", SGD())
    if not isinstance(optimizer, Optimizer):
        return  # told already
    try:
        found["optimizer"] = replace(optimizer, learning_rate=value)
    except (SettingError, TypeError):
        problems.append(Problem("learning_rate", phrase("expected_number_from_0", got=value)))


def _epochs(found: dict[str, Any], value: Any, samples: Callable[[], int], problems: list[Problem]) -> None:
    """Say steps for epochs: passes in whole batches, newly permuted unless `replacement` is asked for."""
    if "steps" in found:
        problems.append(Problem("epochs", phrase("epochs_and_steps_say_the_same")))
        return
    try:
        epochs = operator.index(value)
    except TypeError:
        epochs = -1
    if epochs < 0:
        problems.append(Problem("epochs", phrase("expected_whole_number_from", least=0, got=repr(value))))
        return
    size = found.get("batch_size", Recipe.batch_size)
    if not isinstance(size, int) or size < 1:
        return  # told by the recipe
    n = samples()
    if size > n:
        message = phrase("batch_is_larger_than_training_part", batch=size, samples=n)
        problems.append(Problem("batch_size", message, hint=f"batch_size={n}"))
        return
    found["steps"] = epochs * (n // size)
    found.setdefault("replacement", False)
