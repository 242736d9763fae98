"""KoubaiRegressor: a network that predicts values."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.validation import validate_data

from koubai.core.params import Array
from koubai.data.scale import TargetUnits
from koubai.sklearn.callback_support import with_callbacks
from koubai.sklearn.estimator import KoubaiEstimator


class KoubaiRegressor(RegressorMixin, KoubaiEstimator):
    """A network for values: one number per sample, or several.

    Settings and attributes are those of KoubaiEstimator. Targets are brought to mean 0 and standard
    deviation 1 for the network, and predictions back to their units.
    """

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KoubaiRegressor:
        """Train on X (n, d) and values y (n,) or (n, K)."""
        go_on = self.warm_start and hasattr(self, "_learned")
        x, t = self._checked(X, y, reset=True, known=go_on)
        self._train(
            x,
            t,
            sample_weight,
            t.shape[1],
            go_on=go_on,
            epochs=self.epochs,
            early=self.early_stopping,
            told=(x, t[:, 0] if self._flat else t, sample_weight),
        )
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> KoubaiRegressor:
        """Go on with one pass over X and y; inputs and targets stay on the scale of the first call's."""
        first = not hasattr(self, "_learned")
        x, t = self._checked(X, y, reset=first, known=not first)
        self._train(x, t, sample_weight, t.shape[1], go_on=not first, epochs=1, early=False)
        return self

    def predict(self, X: Any) -> Array:
        """Return the predicted values, of the shape and in the units of y: (n,) or (n, K) float64."""
        y = self._learned_values(X)
        return y[:, 0] if self._flat else y

    def _learned_values(self, X: Any) -> Array:
        y = self._outputs(X)
        return self._learned.preparation.outputs(y)

    def _checked(self, X: Any, y: Any, *, reset: bool, known: bool) -> tuple[Array, Array]:
        """Return X and y as floats, y with a column a value; `known` says that it must be as before."""
        x, y = validate_data(
            self, X, y, reset=reset, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True
        )
        y = np.asarray(y, np.float64)
        flat = y.ndim == 1 or y.shape[1] == 1
        t = column_or_1d(y, warn=True)[:, None] if flat else y
        if known and t.shape[1] != self._learned.network.out_shape[0]:
            raise ValueError(f"y has {t.shape[1]} values per sample; before it had others")
        self._flat = flat
        return x, t

    def _units(self, t: Array) -> TargetUnits:
        varies = t.max(0) > t.min(0)
        return TargetUnits(np.where(varies, t.mean(0), t.min(0)), np.where(varies, t.std(0), 1))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
