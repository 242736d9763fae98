"""Recipe: everything that decides a run, in one frozen value."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from koubai.core.errors import ConfigError, Problem
from koubai.core.layer import Layer, check_extent
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
from koubai.train.edits import edit
from koubai.train.metrics import called, unknown
from koubai.train.plain import AtLeast, differences, digest, hints_of, normalized, suggestion, to_plain
from koubai.words.phrase import joined, phrase

_LATER = ("class_weight", "augment", "exact_convolution", "metrics")
_MOST = 2**53  # what every number format on the way (JSON, TOML, float64) holds exactly


@dataclass(frozen=True)
class Recipe:
    """Network, data, loss, optimizer, schedule, regularization, batches, steps, seed.

    Two equal recipes give the same weights on the same engine and thread count. What only watches a run
    (probes, evaluation, folder, engine) is not part of it.

    | field       | unit    | meaning                                                            |
    |-------------|---------|--------------------------------------------------------------------|
    | batch_size  | samples | size of every batch                                                |
    | steps       | updates | number of updates                                                  |
    | replacement |         | True: each batch drawn again; False: epochs of permuted whole batches |
    | frozen      | paths   | parameters (or prefixes of paths) that are not updated             |
    | precision   |         | "float32", or "bfloat16" or "float16" with float32 master weights  |
    | exact_convolution | | True: convolutions by direct sums, never by Winograd's transforms    |
    | metrics     | names   | measured beside loss and accuracy (koubai.train.metrics); decide nothing |

    Raises ConfigError with every field that cannot be, all at once.
    """

    network: Layer
    data: DataSource
    loss: Loss = SoftmaxCrossEntropy()
    optimizer: Optimizer = SGD()
    schedule: Schedule = ConstantRate()
    penalties: tuple[Penalty, ...] = ()
    clipping: Clipping | None = None
    initializer: Initializer = HeNormal()
    batch_size: Annotated[int, AtLeast(1)] = 100
    steps: Annotated[int, AtLeast(0)] = 1000
    replacement: bool = True
    early_stopping: EarlyStopping | None = None
    frozen: tuple[str, ...] = ()
    seed: Annotated[int, AtLeast(0)] = 0
    dtype: Literal["float32", "float64"] = "float32"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    exact_convolution: bool = False
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.network, Layer):
            check_extent(self.network)  # first: to compare or print what is too deep is too much for Python
        problems = [*self._wrong_parts(), *self._wrong_numbers(), *self._wrong_words()]
        if problems:
            raise ConfigError("recipe", problems)

    def _wrong_parts(self) -> Iterator[Problem]:
        """Yield fields that hold another kind of thing, such as a class where an instance belongs."""
        for name in ("penalties", "frozen", "metrics"):  # a list may come, a hash must work
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        hints = hints_of(Recipe)
        for name in ("network", "data", "loss", "optimizer", "schedule", "initializer"):
            value = getattr(self, name)
            if not isinstance(value, hints[name]):
                yield _not_a(hints[name], name, value)
        for name in ("clipping", "early_stopping"):
            if not isinstance(value := getattr(self, name), hints[name]):
                yield _not_a(get_args(hints[name])[0], name, value)
        for i, penalty in enumerate(self.penalties):
            if not isinstance(penalty, Penalty):
                yield _not_a(Penalty, f"penalties.{i}", penalty)

    def _wrong_numbers(self) -> Iterator[Problem]:
        for name in ("batch_size", "steps", "seed"):
            value, least = getattr(self, name), hints_of(Recipe)[name].__metadata__[0].least
            try:
                whole = operator.index(value)
            except TypeError:
                yield Problem(name, phrase("expected_whole_number", got=value))
                continue
            object.__setattr__(self, name, whole)  # a NumPy integer becomes a plain one
            if whole < least:
                yield Problem(name, phrase("expected_whole_number_from", least=least, got=whole))
            elif whole > _MOST:
                yield Problem(name, phrase("expected_whole_number_up_to", most=_MOST))

    def _wrong_words(self) -> Iterator[Problem]:
        hints = hints_of(Recipe)
        for name in ("dtype", "precision"):
            value, choices = getattr(self, name), get_args(hints[name])
            if value not in choices:
                either = joined(map(repr, choices), "or")
                message = phrase("expected_but_got", expected=either, got=repr(value))
                yield Problem(name, message, hint=suggestion(str(value), list(choices)))
        for i, name in enumerate(self.metrics):
            if called(name) is None:
                message, hint = unknown(name)
                yield Problem(f"metrics.{i}", message, hint=hint)
        if self.precision in ("bfloat16", "float16") and self.dtype != "float32":
            message = phrase("half_precision_keeps_weights_in_float32", name=self.precision)
            yield Problem("precision", message, hint=phrase("dtype_float32"))

    @classmethod
    def from_toml(cls, source: str | Path) -> Recipe:
        """Return the recipe in a TOML text or file; a ConfigError tells every mistake with its line."""
        from koubai.train.recipe_file import read_recipe

        return read_recipe(source)

    def to_toml(self, *, full: bool = False) -> str:
        """Return the recipe as TOML; `full` writes the settings too that are at their defaults."""
        from koubai.train.recipe_file import write_recipe

        return write_recipe(self, full=full)

    def edit(self, **changes: Any) -> Recipe:
        """Return a copy with fields replaced; a dotted path reaches inside: `optimizer__learning_rate=.1`.

        Keys may be given as `edit(**{"optimizer.learning_rate": .1})`, layers by their path:
        `network.2.out_features`. A part may be given as in a file: `optimizer="adam"`. All wrong paths are
        reported at once.
        """
        edited: Recipe = edit(self, changes)
        return edited

    @property
    def hash(self) -> str:
        """Return 16 hexadecimal digits that name this recipe: equal recipes, equal names."""
        return digest(_as_ever(normalized(to_plain(self))))

    def diff(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """Return what differs, by dotted path: (ours, theirs); None where one has no such field."""
        return differences(self, other)


def _as_ever(plain: Any) -> Any:
    """Return plain values without later settings that are not in use: old recipes keep their hash."""
    if isinstance(plain, dict):
        return {k: _as_ever(v) for k, v in plain.items() if not (k in _LATER and v in (None, [], False))}
    return [_as_ever(item) for item in plain] if isinstance(plain, list) else plain


def _not_a(kind: type, name: str, value: Any) -> Problem:
    """Return the problem of a field that holds another kind of thing than `kind`."""
    hint = None
    if isinstance(value, type) and issubclass(value, kind):
        hint = phrase("write_it_with_brackets", name=value.__name__)
    elif isinstance(value, str):
        hint = phrase("give_the_object_not_its_name")
    return Problem(name, phrase("expected_kind_but_got", kind=kind.__name__, got=value), hint=hint)
