"""Recipe: everything that decides a run, in one frozen value."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from koubai.core.errors import ConfigError, Problem, nearest
from koubai.core.layer import Layer
from koubai.data.dataset import DataSource
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import HeNormal
from koubai.losses.loss import Loss
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.optim.clipping import Clipping
from koubai.optim.optimizer import Optimizer
from koubai.optim.sgd import SGD
from koubai.penalties.penalty import Penalty
from koubai.schedules.schedule import ConstantRate, Schedule
from koubai.train.early_stopping import EarlyStopping


@dataclass(frozen=True)
class Recipe:
    """Network, data, loss, optimizer, schedule, regularisation, batches, steps, seed.

    Two equal recipes give the same weights on the same engine and thread count. What only watches a run
    (probes, evaluation, folder, engine) is not part of it.

    | field       | unit    | meaning                                                            |
    |-------------|---------|--------------------------------------------------------------------|
    | batch_size  | samples | size of every batch                                                |
    | steps       | updates | number of updates                                                  |
    | replacement |         | True: each batch drawn anew; False: epochs of permuted whole batches |
    | frozen      | paths   | parameters (or prefixes of paths) that are not updated             |
    | precision   |         | "float32", or "bfloat16" with float32 master weights               |
    """

    network: Layer
    data: DataSource
    loss: Loss = SoftmaxCrossEntropy()
    optimizer: Optimizer = SGD()
    schedule: Schedule = ConstantRate()
    penalties: tuple[Penalty, ...] = ()
    clipping: Clipping | None = None
    initializer: Initializer = HeNormal()
    batch_size: int = 100
    steps: int = 1000
    replacement: bool = True
    early_stopping: EarlyStopping | None = None
    frozen: tuple[str, ...] = ()
    seed: int = 0
    dtype: str = "float32"
    precision: str = "float32"

    def edit(self, **changes: Any) -> Recipe:
        """Return a copy with fields replaced; a dotted path reaches inside: `optimizer__learning_rate=.1`.

        Keys may be given as `edit(**{"optimizer.learning_rate": .1})`. All wrong paths are reported at once.
        """
        problems: list[Problem] = []
        recipe: Any = self
        for path, value in changes.items():
            recipe = _replace_at(recipe, path.replace("__", ".").split("."), value, path, problems)
        if problems:
            raise ConfigError("edit", problems)
        return recipe

    @property
    def hash(self) -> str:
        """Return 16 hexadecimal digits that name this recipe: equal recipes, equal names."""
        text = json.dumps(to_plain(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def diff(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """Return what differs, by dotted path: (ours, theirs); None where one has no such field."""
        ours, theirs = flatten(to_plain(self)), flatten(to_plain(other))
        return {
            path: (ours.get(path), theirs.get(path))
            for path in [*ours, *(p for p in theirs if p not in ours)]
            if ours.get(path) != theirs.get(path)
        }


def _replace_at(node: Any, parts: list[str], value: Any, path: str, problems: list[Problem]) -> Any:
    head, rest = parts[0], parts[1:]
    if isinstance(node, tuple) and head.isdigit() and int(head) < len(node):
        new = _replace_at(node[int(head)], rest, value, path, problems) if rest else value
        return (*node[: int(head)], new, *node[int(head) + 1 :])
    names = [f.name for f in fields(node)] if is_dataclass(node) else []
    if head not in names:
        near = nearest(head, names)
        hint = f"did you mean {near!r}?" if near else "fields: " + ", ".join(names)
        problems.append(Problem(path, f"{type(node).__name__} has no field {head!r}", hint=hint))
        return node
    new = _replace_at(getattr(node, head), rest, value, path, problems) if rest else value
    if hasattr(node, "with_field"):  # layers whose constructor takes other arguments than their fields
        return node.with_field(head, new)
    return replace(node, **{head: new})


def to_plain(value: Any) -> Any:
    """Return a value as dicts, lists and scalars; every registered class carries its name as `type`."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
        name = getattr(type(value), "registry_name", "")
        return {"type": name, **plain} if name else plain
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def flatten(plain: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested dicts and lists as one dict of dotted paths."""
    if isinstance(plain, dict):
        items = plain.items()
    elif isinstance(plain, list) and plain:
        items = ((str(i), item) for i, item in enumerate(plain))
    else:
        return {prefix: plain}
    return {k: v for name, item in items for k, v in flatten(item, f"{prefix}.{name}".lstrip(".")).items()}
