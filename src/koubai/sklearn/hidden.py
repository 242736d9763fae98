"""HiddenActivations: what a trained network makes of its inputs, as features for whatever comes next."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from koubai.core.errors import UnknownName
from koubai.core.params import Array
from koubai.sklearn.classifier import KoubaiClassifier
from koubai.sklearn.estimator import KoubaiEstimator
from koubai.sklearn.regressor import KoubaiRegressor


class HiddenActivations(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Trains a network on X and y; `transform` gives the activations of one of its layers.

    | setting      | meaning                                                                               |
    |--------------|---------------------------------------------------------------------------------------|
    | estimator    | KoubaiClassifier or KoubaiRegressor, copied before it is trained; None: as y asks for |
    | layer        | path of a layer, such as "2"; None: what the last layer reads                         |
    | random_state | that of the estimator, unless None                                                    |

    | attribute         | meaning                                 |
    |-------------------|-----------------------------------------|
    | estimator_        | the trained estimator                   |
    | layer_            | path of the layer                       |
    | n_features_in_    | columns of X                            |
    | feature_names_in_ | their names, where X has names          |
    """

    def __init__(
        self, estimator: KoubaiEstimator | None = None, layer: str | None = None, random_state: Any = None
    ) -> None:
        self.estimator = estimator
        self.layer = layer
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> HiddenActivations:
        """Train the network on X and y."""
        x, y = validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, ensure_min_samples=1
        )
        if self.estimator is not None:
            made = clone(self.estimator)
        else:
            values = type_of_target(y) in ("continuous", "continuous-multioutput")
            made = KoubaiRegressor() if values else KoubaiClassifier()
        if self.random_state is not None:
            made.set_params(random_state=self.random_state)
        self.estimator_ = made.fit(x, y, sample_weight=sample_weight)
        leaves = {cell.path: cell for cell in made._learned.network.leaves}
        paths = list(leaves)
        self.layer_ = paths[-2] if self.layer is None and len(paths) > 1 else self.layer or paths[-1]
        if self.layer_ not in leaves:
            raise UnknownName("layer", self.layer_, paths, where="HiddenActivations")
        self._n_features_out = int(np.prod(leaves[self.layer_].out_shape))
        return self

    def transform(self, X: Any) -> Array:
        """Return the activations of the layer for each row of X: (n, features) float32."""
        check_is_fitted(self, "estimator_")
        x = validate_data(self, X, reset=False, dtype=(np.float64, np.float32))
        return self.estimator_._learned.activations(self.estimator_._shaped(x), self.layer_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
