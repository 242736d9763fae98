"""Written by scripts/stubs."""

from typing import Any

from koubai.losses.binary_cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from koubai.losses.cross_entropy import CrossEntropy as CrossEntropy
from koubai.losses.loss import LOSSES as LOSSES
from koubai.losses.loss import Loss as Loss
from koubai.losses.mean_absolute_error import MeanAbsoluteError as MeanAbsoluteError
from koubai.losses.mean_squared_error import MeanSquaredError as MeanSquaredError
from koubai.losses.sigmoid_cross_entropy import SigmoidCrossEntropy as SigmoidCrossEntropy
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy as SoftmaxCrossEntropy

def __getattr__(name: str) -> Any: ...
