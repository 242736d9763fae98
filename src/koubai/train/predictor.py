"""Predictor: what one asks of a trained network, whether it is in a run or in a file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.arrays import array_of, numbers_of
from koubai.core.errors import DataError, EngineError, RunError, ShapeError
from koubai.core.params import Array
from koubai.data.levels import Inputs
from koubai.data.preparation import Preparation
from koubai.network.network import Network, Weights
from koubai.train.files import writing
from koubai.train.recipe import Recipe
from koubai.words.phrase import phrase


def r_squared(t: Array, y: Array) -> float:
    """Return 1 - sum (t - y)^2 / sum (t - mean)^2, the mean over outputs; NaN where all t are equal."""
    t, y = (array.reshape(len(t), -1).astype(np.float64) for array in (t, y))
    left, spread = np.square(t - y).sum(0), np.square(t - t.mean(0)).sum(0)
    return float((1 - np.divide(left, spread, out=np.full_like(left, np.nan), where=spread > 0)).mean())


class Predictor:
    """Predictions for inputs as the source stores them: prepared here as the training inputs were.

    Inputs of a koubai Dataset (`dataset.x_test`, rows of it) are prepared already and carry a mark that says
    so: they are taken as they are. With `prepared=True` any array is. See `koubai.data.preparation`.
    """

    recipe: Recipe

    def _learned(self) -> tuple[Network, Preparation | None]:
        """Return the network and how its inputs and targets were prepared, None where a file does not say."""
        raise NotImplementedError

    def _outputs(self, x: Inputs) -> Array:
        """Return the network's outputs for prepared inputs."""
        raise NotImplementedError

    def _weights(self) -> Weights:
        """Return the trained arrays."""
        raise NotImplementedError

    def to_torch(self) -> Any:
        """Return the network as a torch.nn.Module in evaluation mode, its state dict named as in PyTorch.

        The module takes prepared inputs and returns what the last layer puts out.

        Raises:
            EngineError: PyTorch is not installed.
        """
        if find_spec("torch") is None:
            raise EngineError("to_torch_needs_torch", hint="pip install 'koubai[torch]'")
        from koubai.exchange.to_torch import to_torch

        return to_torch(self._learned()[0], self._weights())

    def export_onnx(self, path: str | Path, *, prepared: bool = False) -> Path:
        """Write the network as an ONNX file (`.onnx` is added where it lacks) and return its path.

        Its input `x` (N, ...) is what `predict` takes, its output `y` (N, K) what `predict` returns: the
        preparation is part of the graph. With `prepared=True` both are the network's own.

        Raises:
            EngineError: onnx is not installed, or it lacks a layer.
            RunError: the preparation is not known, or the file cannot be written.
        """
        from koubai.exchange.to_onnx import onnx_model, write_onnx

        network, known = self._learned()
        if known is None and not prepared:
            raise RunError(
                "preparation_of_inputs_is_not_known",
                where="export_onnx",
                hint=phrase("take_inputs_as_they_are"),
            )
        preparation = None if prepared else known
        model = onnx_model(network, self._weights(), self.recipe.dtype, preparation)
        with writing(Path(path).parent):
            return write_onnx(path, model)

    def predict(self, x: Any, *, prepared: bool = False) -> Array:
        """Return the network's outputs (n, K) for inputs x (n, ...), as at test time; n may be 0.

        | targets of the training | what the outputs are                                                    |
        |-------------------------|-------------------------------------------------------------------------|
        | values                  | predicted values, in the units of the source: `target_scale` is undone  |
        | classes                 | what the last layer puts out: scores of the classes (logits), or their  |
        |                         | probabilities where it ends in Softmax or Sigmoid; see `predict_classes` |

        Raises:
            ShapeError: inputs of another shape than the network takes, such as one sample without a batch.
            DataError: no real numbers, or numbers that look prepared already; see `koubai.core.arrays`.
        """
        network, known = self._learned()
        if known is None and not prepared:
            raise RunError(
                "preparation_of_inputs_is_not_known", where="predict", hint=phrase("take_inputs_as_they_are")
            )
        known = known or Preparation()
        return known.outputs(self._outputs(x if prepared else known.inputs(x, network.in_shape, "predict")))

    def predict_proba(self, x: Any, *, prepared: bool = False) -> Array:
        """Return the probability of each class for each input: (n, K) float64, rows that sum to 1.

        Raises:
            DataError: the targets are values, or the loss makes no probabilities of the outputs.
            ShapeError, DataError: as `predict` does.
        """
        _, known = self._learned()
        if known is not None and known.classes is None:
            raise DataError("targets_are_values_and_no_classes", where="predict_proba", hint="predict(x)")
        return self.recipe.loss.probabilities(self.predict(x, prepared=prepared))

    def score(
        self, x: Any, t: Any, metric: Callable[[Array, Array], float] | None = None, *, prepared: bool = False
    ) -> float:
        """Return how well inputs x are predicted: a share of right answers, or R^2 for values.

        Args:
            x: inputs (n, ...), as `predict` takes them.
            t: their classes, as numbers or by name, or their values, in the units of the source.
            metric: another measure of (t, predicted): a function such as those of sklearn.metrics.
            prepared: see `predict`.

        Raises:
            ShapeError: another number of targets than inputs.
            ShapeError, DataError: as `predict` does.
        """
        _, known = self._learned()
        t = array_of(t, "t", "score")
        values = known is not None and known.classes is None
        if values:
            y = self.predict(x, prepared=prepared)
            t = numbers_of(t, "t", "score")
            y = y[:, 0] if t.ndim == 1 and y.shape[1] == 1 else y
        else:
            y = self._labels(x, t, prepared=prepared)
        if t.shape != y.shape:
            raise ShapeError(
                "array_has_another_shape", array="t", where="score", expected=y.shape, got=t.shape
            )
        if metric is not None:
            return float(metric(t, y))
        return r_squared(t, y) if values else float((t == y).mean())

    def _labels(self, x: Any, t: Array, *, prepared: bool) -> Array:
        """Return the predicted classes as t has them: by name, as the number a name is, or by number."""
        if t.dtype.kind not in "biu":
            return self.predict_classes(x, prepared=prepared)
        y, (_, known) = self.decide(x, prepared=prepared), self._learned()
        names = known.class_names if known is not None else ()
        if names and all(name.removeprefix("-").isdecimal() for name in names):
            return np.array([int(name) for name in names])[y]
        return y

    def decide(self, x: Any, *, prepared: bool = False) -> Array:
        """Return the number of the predicted class of each input: (n,) int64.

        Raises:
            DataError: the targets are values.
            ShapeError, DataError: as `predict` does.
        """
        _, known = self._learned()
        if known is not None and known.classes is None:
            raise DataError("targets_are_values_and_no_classes", where="decide", hint="predict(x)")
        return self.recipe.loss.decide(self.predict(x, prepared=prepared))

    def predict_classes(self, x: Any, *, prepared: bool = False) -> Array:
        """Return the name of the predicted class of each input, (n,): text, or numbers where none has a name.

        Raises as `decide` does.
        """
        _, known = self._learned()
        decided = self.decide(x, prepared=prepared)
        return decided if known is None else known.names(decided)
