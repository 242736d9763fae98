"""The weights of samples as scikit-learn hands them over."""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.data.sampler import check_weights


def sample_weights(given: Any, n: int) -> Array:
    """Return weights (n,); one number stands for all. Raises ValueError, as scikit-learn expects it."""
    weights = np.asarray(given)
    try:
        return check_weights(np.full(n, weights) if weights.ndim == 0 else weights, n, "fit")
    except DataError as error:
        raise ValueError(str(error)) from error
