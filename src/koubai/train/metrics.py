"""Metrics: what is measured beside loss and accuracy, by scikit-learn's names or by a function of one's own.

They watch a run and never change its weights.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from koubai.core.errors import ConfigError, DataError, Problem
from koubai.core.params import Array
from koubai.data.preparation import Preparation
from koubai.losses.loss import Loss
from koubai.train.plain import suggestion
from koubai.words.phrase import Phrase, phrase

Needs = Literal["classes", "probabilities", "values", "own"]
Own = Callable[[Array, Array], Any]
Given = str | Own | Iterable["str | Own"] | Mapping[str, Own]
MetricValue = float | list[Any]  # a number, or numbers such as a matrix by rows
_IN_A_NAME = re.compile(r"\W+")


@dataclass(frozen=True)
class Metric:
    """One measure of how well a part of the data is predicted.

    | field    | meaning                                                                                     |
    |----------|---------------------------------------------------------------------------------------------|
    | name     | as it stands in scores and in the history                                                   |
    | needs    | what it takes beside the targets: predicted classes, their probabilities, predicted values; |
    |          | "own": classes by name, or values, as the function given to `run.score` takes them          |
    | function | of sklearn.metrics, by its name; or (targets, predicted) -> a number or an array of numbers |
    | options  | of that function                                                                            |
    | two      | whether it is for two classes only                                                          |
    """

    name: str
    needs: Needs
    function: str | Own
    options: Mapping[str, Any] = field(default_factory=dict)
    two: bool = False

    def of(self, t: Array, y: Array, loss: Loss, preparation: Preparation) -> MetricValue:
        """Return the measure of network outputs y (n, K) for targets t, as the dataset holds both.

        NaN where a measure of scikit-learn's is not defined, as for outputs that are not finite.
        """
        if callable(self.function):
            return _number(self.function(*self._shown(t, y, loss, preparation)), self.name)
        import sklearn.metrics

        if not np.isfinite(y).all():
            return float("nan")
        options = dict(self.options)
        if self.needs == "classes":
            seen = loss.decide(y)
        elif self.needs == "probabilities":
            seen = loss.probabilities(y)
            seen = seen[:, 1] if self.two else seen
        else:
            t, seen = preparation.outputs(t), preparation.outputs(y)
        if "labels" in options:
            options["labels"] = np.arange(preparation.classes or 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it is not defined, NaN or 0 says so
            try:
                return _number(getattr(sklearn.metrics, self.function)(t, seen, **options), self.name)
            except ValueError:  # such as a curve of one class
                return float("nan")

    def _shown(self, t: Array, y: Array, loss: Loss, preparation: Preparation) -> tuple[Array, Array]:
        if preparation.classes is None:
            both = preparation.outputs(t), preparation.outputs(y)
            return (both[0][:, 0], both[1][:, 0]) if y.shape[1] == 1 else both
        return preparation.names(t), preparation.names(loss.decide(y))


def _catalog() -> dict[str, Metric]:
    """Return all that have a name."""
    zero: dict[str, Any] = {"zero_division": 0}
    found = [
        Metric("balanced_accuracy", "classes", "balanced_accuracy_score"),
        Metric("matthews_corrcoef", "classes", "matthews_corrcoef"),
        Metric("cohen_kappa", "classes", "cohen_kappa_score"),
        Metric("confusion_matrix", "classes", "confusion_matrix", {"labels": ()}),
        Metric("log_loss", "probabilities", "log_loss", {"labels": ()}),
        Metric("roc_auc", "probabilities", "roc_auc_score", two=True),
        Metric("average_precision", "probabilities", "average_precision_score", two=True),
        *(
            Metric(f"roc_auc_{way}", "probabilities", "roc_auc_score", {"multi_class": way, "labels": ()})
            for way in ("ovr", "ovo")
        ),
        Metric("r2", "values", "r2_score"),
        Metric("explained_variance", "values", "explained_variance_score"),
        *(
            Metric(name, "values", name)
            for name in (
                "mean_absolute_error",
                "mean_squared_error",
                "root_mean_squared_error",
                "median_absolute_error",
                "mean_absolute_percentage_error",
            )
        ),
    ]
    for name in ("precision", "recall", "f1", "jaccard"):
        found.append(Metric(name, "classes", f"{name}_score", zero, two=True))
        found += [
            Metric(f"{name}_{way}", "classes", f"{name}_score", {"average": way, **zero})
            for way in ("macro", "micro", "weighted")
        ]
    return {metric.name: metric for metric in found}


METRICS = _catalog()
_OTHER_NAMES = {
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mape": "mean_absolute_percentage_error",
    "mcc": "matthews_corrcoef",
    "kappa": "cohen_kappa",
    "auc": "roc_auc",
}


def called(name: str) -> str | None:
    """Return the name a metric goes by here: of `f1_score` and `neg_log_loss`, too; None for no metric."""
    plain = name.removesuffix("_score").removeprefix("neg_")
    plain = _OTHER_NAMES.get(plain, plain)
    return plain if plain in METRICS or plain == "accuracy" else None


def unknown(name: str) -> tuple[Phrase, Phrase]:
    """Return what is wrong with a name that is none, and the nearest one."""
    choices = ["accuracy", *METRICS, *_OTHER_NAMES]
    return phrase("no_such_metric", name=name), suggestion(name, choices)


def told_apart(given: Given) -> tuple[tuple[str, ...], tuple[Metric, ...]]:
    """Return names, which a recipe can hold, and functions of one's own.

    Raises:
        ConfigError: what is neither.
    """
    names: list[str] = []
    own: list[Metric] = []
    problems: list[Problem] = []
    if isinstance(given, Mapping):
        for name, function in given.items():
            own.append(Metric(str(name), "own", function))
            if not callable(function):
                message = phrase("expected_function_of_metric", got=type(function).__name__)
                problems.append(Problem(f"metrics.{name}", message))
        given = ()
    elif isinstance(given, str) or callable(given) or not isinstance(given, Iterable):
        given = [given]
    for i, one in enumerate(given):
        if isinstance(one, str):
            names.append(one)
        elif callable(one):
            own.append(Metric(_name_of(one), "own", one))
        else:
            message = phrase("expected_name_or_function", got=type(one).__name__)
            problems.append(Problem(f"metrics.{i}", message))
    if problems:
        raise ConfigError("fit", problems)
    return tuple(names), tuple(own)


def metrics_of(names: Iterable[str], own: Iterable[Metric], classes: int | None, loss: Loss) -> list[Metric]:
    """Return the metrics of a run on such data; accuracy is measured anyway.

    Raises:
        ConfigError: one that these data do not allow, or a name that stands twice.
    """
    found: list[Metric] = []
    problems = []
    for i, metric in enumerate([*(METRICS.get(called(name) or "") for name in names), *own]):
        if metric is None:  # accuracy
            continue
        if message := _impossible(metric, classes, loss):
            hint = f"{metric.name}_macro" if f"{metric.name}_macro" in METRICS else None
            problems.append(Problem(f"metrics.{i}", message, hint=hint if metric.two and classes else None))
        elif metric.name in (*(other.name for other in found), "loss", "accuracy"):
            problems.append(Problem(f"metrics.{i}", phrase("name_stands_twice", name=metric.name)))
        else:
            found.append(metric)
    if problems:
        raise ConfigError("recipe", problems)
    return found


def _impossible(metric: Metric, classes: int | None, loss: Loss) -> Phrase | None:
    """Return why a metric cannot be taken of such data."""
    if metric.needs == "values" and classes is not None:
        return phrase("metric_is_of_values", name=metric.name)
    if metric.needs in ("classes", "probabilities") and classes is None:
        return phrase("metric_is_of_classes", name=metric.name)
    if metric.two and classes is not None and classes > 2:
        return phrase("metric_is_for_two_classes", name=metric.name, classes=classes)
    if metric.needs == "probabilities" and not loss.likelihood:
        return phrase("metric_needs_probabilities", name=metric.name, loss=type(loss).__name__)
    return None


def _number(found: Any, name: str) -> MetricValue:
    """Return a number, or an array of numbers as lists.

    Raises:
        DataError: it is neither.
    """
    try:
        array = np.asarray(found, np.float64)
    except (TypeError, ValueError):
        raise DataError("metric_gave_no_number", where=name, got=type(found).__name__) from None
    return float(array) if array.ndim == 0 else array.tolist()


def _name_of(function: Own) -> str:
    named = getattr(function, "__name__", None) or getattr(getattr(function, "func", None), "__name__", None)
    return _IN_A_NAME.sub("_", named or type(function).__name__).strip("_") or "metric"
