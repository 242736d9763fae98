"""KoubaiClassifier: a network that decides between classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from koubai.core.params import Array
from koubai.losses.loss import Loss
from koubai.sklearn.callback_support import with_callbacks
from koubai.sklearn.estimator import KoubaiEstimator


@dataclass(eq=False, repr=False, kw_only=True)
class KoubaiClassifier(ClassifierMixin, KoubaiEstimator):
    """A network for classes: labels of any kind, two or more of them.

    Settings and attributes are those of KoubaiEstimator, and

    | name         | meaning                                                                              |
    |--------------|--------------------------------------------------------------------------------------|
    | class_weight | "balanced", or a weight for each label: samples are drawn by it (times sample_weight) |
    | classes_     | the labels, sorted; column k of `predict_proba` belongs to classes_[k]               |
    """

    loss: str | Loss = "softmax_cross_entropy"
    class_weight: dict[Any, float] | str | None = None

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KoubaiClassifier:
        """Train on X (n, d) and labels y (n,)."""
        go_on = self.warm_start and hasattr(self, "_learned")
        x, y = self._checked(X, y, reset=True)
        classes = np.unique(y)
        if go_on and not np.array_equal(classes, self.classes_):
            raise ValueError(f"warm_start goes on with the classes it knows: {self.classes_}, not {classes}")
        self.classes_: Array = classes
        t = np.searchsorted(classes, y)
        self._train(
            x,
            t,
            self._weighted(y, sample_weight),
            len(classes),
            go_on=go_on,
            epochs=self.epochs,
            early=self.early_stopping,
            told=(x, y, sample_weight),
        )
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> KoubaiClassifier:
        """Go on with one pass over X and y; the first call names all classes there will be.

        Inputs stay on the scale of the first call's X.
        """
        first = not hasattr(self, "_learned")
        if first and classes is None:
            raise ValueError("the first call of partial_fit names all classes: classes=...")
        x, y = self._checked(X, y, reset=first)
        known = np.unique(classes) if classes is not None else self.classes_
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(f"the classes are {self.classes_} since the first call, not {known}")
        unknown = np.setdiff1d(y, known)
        if len(unknown):
            raise ValueError(f"y holds labels that are not among the classes {known}: {unknown}")
        self.classes_ = known
        t, weights = np.searchsorted(known, y), self._weighted(y, sample_weight)
        self._train(x, t, weights, len(known), go_on=not first, epochs=1, early=False)
        return self

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each row of X: (n,)."""
        y = self._outputs(X)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(y))
        return self.classes_[self._learned.recipe.loss.decide(y)]

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class for each row of X: (n, classes) float64.

        Raises:
            DataError: the loss makes no probabilities of the outputs, as "mean_squared_error" does not.
        """
        y = self._outputs(X)
        return np.ones((len(y), 1)) if len(self.classes_) == 1 else self._learned.recipe.loss.probabilities(y)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Array]:
        x, y = validate_data(self, X, y, reset=reset, dtype=(np.float64, np.float32))
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return x, y

    def _weighted(self, y: Array, sample_weight: Any) -> Any:
        """Return the weights of samples times those of their classes; None where there are none."""
        if self.class_weight is None:
            return sample_weight
        of_class = compute_sample_weight(self.class_weight, y)
        return of_class if sample_weight is None else of_class * np.asarray(sample_weight)
