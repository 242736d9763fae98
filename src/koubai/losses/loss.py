"""Loss: one number for a batch, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from koubai.core.arrays import as_floats, numbers_of
from koubai.core.errors import DataError, ShapeError
from koubai.core.params import Array, Shape
from koubai.core.registry import Registry
from koubai.words.phrase import phrase

LOSSES = Registry("loss")


@dataclass(frozen=True)
class Loss:
    """Base of all losses; both faces take the network's output y and the target t.

    | symbol | name                                      | shape                  |
    |--------|-------------------------------------------|------------------------|
    | y      | output of the network                     | (N, K)                 |
    | t      | class labels, or values                   | (N,) int64, or (N, K)  |

    What a loss is, it says itself:

    | trait      | meaning                                                                              |
    |------------|--------------------------------------------------------------------------------------|
    | target     | what t may be: "classes", "values", or "either"                                      |
    | takes      | what y is: "logits" (the loss applies softmax or sigmoid), "probabilities", "values" |
    | likelihood | the loss is minus the mean log of a probability, in nats: that of the true class of  |
    |            | K ("classes"), of each label by itself ("labels"); "" for other losses               |

    `value` and `gradient` raise ShapeError where y and t are not of these shapes, and DataError where they
    are no numbers or a label is not a class (`fitted`).
    """

    registry_name: ClassVar[str] = ""
    target: ClassVar[str] = "classes"
    takes: ClassVar[str] = "values"
    likelihood: ClassVar[str] = ""
    cut: ClassVar[float] = 0.0  # one output alone means class 1 above it

    def value(self, y: Array, t: Array) -> float:
        """E, the mean over the batch; 0.0 for an empty batch."""
        raise NotImplementedError

    def gradient(self, y: Array, t: Array) -> Array:
        """dE/dy, of the shape of y."""
        raise NotImplementedError

    def decide(self, y: Array) -> Array:
        """Return the predicted class of each row: (N, K) -> (N,) int64; K = 1 means class 1 if y > `cut`.

        Raises ShapeError, DataError: no table of numbers.
        """
        y = self._outputs(y)
        if y.shape[1] == 1:
            return (y[:, 0] > self.cut).astype("int64")
        return y.argmax(axis=-1)

    def probabilities(self, y: Array) -> Array:
        """Return the probability of each class: (N, K) -> (N, K) float64, rows of sum 1; K = 1 gives two.

        That is softmax of logits; what the last layer puts out, where that is probabilities; and of
        sigmoids, which judge each class by itself, their shares of the sum.

        Raises:
            DataError: this loss makes no probabilities of the outputs.
            ShapeError, DataError: no table of numbers.
        """
        y = self._outputs(y).astype(np.float64)
        if not self.likelihood:
            raise DataError("loss_gives_no_probabilities", where=type(self).__name__)
        if self.takes == "logits" and self.likelihood == "classes":
            y = np.exp(y - y.max(axis=1, keepdims=True))
        elif self.takes == "logits":
            y = np.exp(-np.logaddexp(0, -y))
        if self.likelihood == "labels" and y.shape[1] == 1:
            return np.concatenate([1 - y, y], axis=1)
        total = y.sum(axis=1, keepdims=True)
        return np.divide(y, total, out=np.full_like(y, 1 / y.shape[1]), where=total != 0)

    def fitted(self, y: Array, t: Array) -> tuple[Array, Array]:
        """Return outputs (N, K) as floats, and their targets: labels (N,) int64, or values of that shape.

        Values (N,) are those of a single output.

        Raises:
            ShapeError: y is no table, or t does not fit it.
            DataError: no numbers, values where this loss takes labels, or a label that is not a class.
        """
        where, y = type(self).__name__, self._outputs(y)
        t = numbers_of(t, "t", where)
        only_labels = self.target == "classes"
        labels = only_labels or (t.ndim == 1 and t.dtype.kind in "biu")
        if only_labels and t.size and t.dtype.kind not in "biu":
            got = phrase("dtype_and_shape", kind=t.dtype, shape=t.shape)
            raise DataError("loss_takes_class_labels", where=where, got=got)
        column = labels or (t.ndim == 1 and y.shape[1] == 1)
        if t.shape != (y.shape[:1] if column else y.shape):
            either = phrase("labels_or_values", n=len(y), shape=y.shape)
            expected = phrase("labels_of_shape", n=len(y)) if only_labels else either
            raise ShapeError("not_targets_of_these_outputs", where=where, expected=expected, got=t.shape)
        return y, (self._labels(t, y.shape[1]) if labels else t)

    def _outputs(self, y: Array) -> Array:
        where = type(self).__name__
        array = numbers_of(y, "y", where)
        if array.ndim != 2 or not array.shape[1]:
            raise ShapeError(
                "not_outputs_of_a_network", where=where, expected="(N, K), K >= 1", got=array.shape
            )
        return as_floats(array)

    def _labels(self, t: Array, outputs: int) -> Array:
        classes = 2 if outputs == 1 and self.target != "classes" else outputs
        if t.size and (t.min() < 0 or t.max() >= classes):
            raise DataError(
                "label_in_array_is_not_a_class",
                array="t",
                where=type(self).__name__,
                expected=f"0 .. {classes - 1}",
                got=f"{t.min()} .. {t.max()}",
                hint=phrase("give_values_not_classes_as_floats") if self.target != "classes" else None,
            )
        return t.astype(np.int64, copy=False)

    def check(self, shape: Shape, classes: int | None) -> str | None:
        """Return a sentence if an output of `shape` does not fit this loss and data, else None.

        `classes` is None for targets that are values.
        """
        if len(shape) != 1:
            return phrase("loss_takes_one_axis", shape=shape)
        if classes is None:
            takes_values = self.target != "classes"
            return None if takes_values else phrase("loss_takes_labels_not_values", loss=type(self).__name__)
        return self.check_classes(shape[0], classes)

    def check_classes(self, outputs: int, classes: int) -> str | None:
        """Return a sentence unless `outputs` can tell `classes` apart: one each, or one output for two."""
        if outputs >= classes or (outputs == 1 and classes == 2 and self.target != "classes"):
            return None
        only_labels = self.target == "classes"
        return phrase(
            "outputs_do_not_fit_classes" if only_labels else "outputs_do_not_fit_classes_or_one",
            outputs=outputs,
            classes=classes,
        )


def as_values(y: Array, t: Array) -> Array:
    """Return the target as values of the shape of y.

    Labels (N,) become one-hot rows, or 0 and 1 where y has a single column.

    >>> as_values(np.zeros((2, 3)), np.array([2, 0]))
    array([[0., 0., 1.],
           [1., 0., 0.]])
    >>> as_values(np.zeros((2, 1)), np.array([1, 0]))
    array([[1.],
           [0.]])
    """
    if t.ndim == 1 and y.shape[1] > 1:
        one_hot = np.zeros_like(y)
        one_hot[np.arange(len(t)), t] = 1
        return one_hot
    return t.reshape(y.shape).astype(y.dtype, copy=False)
