"""What classifier and regressor share: settings, the way from arrays to a run, and answers of the network."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from koubai.api import Run
from koubai.core.errors import DataError, ShapeError
from koubai.core.layer import Layer
from koubai.core.params import Array, Shape
from koubai.data.dataset import Dataset
from koubai.data.prepared import prepared
from koubai.data.sampler import Sampler, check_weights
from koubai.data.scale import InputScale, TargetUnits
from koubai.data.sources.arrays import Arrays
from koubai.initializers.initializer import INITIALIZERS, Initializer
from koubai.losses.loss import LOSSES, Loss
from koubai.models.mlp import Mlp
from koubai.optim.optimizer import OPTIMIZERS, Optimizer
from koubai.penalties.penalty import Penalty
from koubai.sklearn.callback_support import CallbackSupportMixin, Epochs
from koubai.sklearn.learned import Learned
from koubai.train import Observation, Session
from koubai.train.early_stopping import EarlyStopping
from koubai.train.progress import Progress
from koubai.train.recipe import Recipe
from koubai.train.train import train

_LOOKS = 50  # taps of a run, for its findings


@dataclass(eq=False, repr=False)
class KoubaiEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of KoubaiClassifier and KoubaiRegressor: their settings and attributes.

    | setting             | meaning                                                                        |
    |---------------------|--------------------------------------------------------------------------------|
    | hidden, activation  | sizes of the hidden layers, and the function behind each                       |
    | network             | layers of your own instead, with one output a class or value                   |
    | input_shape         | shape of one sample for `network`, such as (1, 28, 28); None: a row as it is    |
    | loss                | name of a loss, or a loss                                                      |
    | optimizer           | name of an optimizer, or an optimizer                                          |
    | learning_rate       | None: the optimizer's own                                                      |
    | initializer         | of weights: a name or an initializer; the default is that of scikit-learn's MLP |
    | penalties           | such as (koubai.L2(1e-4),)                                                     |
    | batch_size          | samples at most: an epoch is cut into batches of one size, fewer than its      |
    |                     | number of batches are left out of it                                           |
    | epochs              | passes over the data, newly shuffled                                           |
    | early_stopping      | end when the validation loss no longer falls, and keep the best weights        |
    | validation_fraction | share of the samples that judges this; not trained on                          |
    | n_iter_no_change    | epochs without a loss lower by `tol` that end the training                     |
    | warm_start          | fit goes on from where the last fit ended                                      |
    | scale               | of inputs, from the training data: "standard", "robust", "unit" or "raw"       |
    | random_state        | initial weights, order, dropout, which samples judge                           |
    | engine, device      | see koubai.fit; a pickle of an estimator that learned on a GPU needs none |
    | threads             | see koubai.fit; "auto" keeps to joblib's share; `run_.session.threads` is it |
    | verbose             | show progress                                                                  |

    | attribute         | meaning                                                              |
    |-------------------|----------------------------------------------------------------------|
    | n_features_in_    | columns of X                                                         |
    | feature_names_in_ | their names, where X has names                                       |
    | n_iter_           | epochs of the last fit                                               |
    | run_              | the last koubai.Run: history, findings; not kept in a pickle         |

    A sample is drawn into batches in proportion to `sample_weight`, so the mean gradient is that of the
    weighted loss. One of weight 0 is left out, but the length of an epoch is the number of samples: weight 2
    and writing a sample twice agree in what is learned from, not in every bit.
    """

    hidden: Sequence[int] = (100,)
    activation: str = "relu"
    _: KW_ONLY
    network: Layer | None = None
    input_shape: Shape | None = None
    loss: str | Loss = "mean_squared_error"
    optimizer: str | Optimizer = "adam"
    learning_rate: float | None = None
    initializer: str | Initializer = "glorot_uniform"
    penalties: Sequence[Penalty] = ()
    batch_size: int = 32
    epochs: int = 100
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4
    warm_start: bool = False
    scale: str = "standard"
    random_state: Any = None
    engine: str = "auto"
    threads: int | str = "auto"
    device: str = "auto"
    verbose: bool = False

    def _train(
        self,
        x: Array,
        t: Array,
        weights: Any,
        outputs: int,
        *,
        go_on: bool,
        epochs: int,
        early: bool,
        told: tuple[Array, Array, Any] | None = None,
    ) -> None:
        """Train on checked inputs (n, d) and targets; `go_on` continues from the weights learned before.

        `told` is what callbacks are shown: X, y and the samples' weights.
        """
        if weights is not None:
            weights = _sample_weights(weights, len(x))
            x, t, weights = (array[weights > 0] for array in (x, t, weights))
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        before = self._learned if go_on else None
        if before is not None:
            seed = before.recipe.seed
        x, x_val, t, t_val, weights = (
            self._split(x, t, weights, seed) if early else (x, x[:0], t, t[:0], weights)
        )
        x, x_val = (self._shaped(part) for part in (x, x_val))
        if before is None:
            scale, units = InputScale.fit(x, self.scale, None), self._units(t)  # type: ignore[arg-type]
        else:
            scale, units = before.preparation.scale, before.preparation.units
        dataset = Dataset(
            "arrays",
            prepared(scale.apply(x), scale),
            t if units is None else units.scaled(t),
            prepared(scale.apply(x[:0]), scale),
            t[:0],
            prepared(scale.apply(x_val), scale),
            t_val if units is None else units.scaled(t_val),
            classes=outputs if units is None else None,
            target_units=units,
            w_train=weights,
        )
        recipe = self._recipe(dataset, outputs, seed, before, epochs, early=early)
        epoch = len(dataset.t_train) // recipe.batch_size
        tasks = None
        if told is not None and Epochs.wanted(self):
            tasks = Epochs(self, told[:2], told[2], recipe.steps - epoch * epochs, epoch, epochs)
        run = self._run(recipe, dataset, before, epoch, tasks)
        self._learned: Learned = Learned.of(run)
        self.run_ = run
        if tasks is not None:
            tasks.end()

    def _recipe(
        self, dataset: Dataset, outputs: int, seed: int, before: Learned | None, epochs: int, *, early: bool
    ) -> Recipe:
        n = len(dataset.t_train)
        epoch = -(-n // self.batch_size)  # batches
        row = isinstance(self.hidden, Iterable) and not isinstance(self.hidden, str)
        hidden: Any = tuple(self.hidden) if row else self.hidden  # what is no row, Mlp refuses
        return Recipe(
            self.network if self.network is not None else Mlp(hidden, outputs, self.activation),
            Arrays(dataset.sha256),
            loss=self.loss if isinstance(self.loss, Loss) else LOSSES[self.loss](),
            optimizer=self._optimizer(),
            initializer=self._initializer(),
            penalties=tuple(self.penalties),
            batch_size=n // epoch,
            steps=(0 if before is None else before.state.step) + epoch * epochs,
            replacement=False,
            early_stopping=EarlyStopping(self.n_iter_no_change, self.tol) if early else None,
            seed=seed,
        )

    def _run(
        self, recipe: Recipe, dataset: Dataset, before: Learned | None, epoch: int, tasks: Epochs | None
    ) -> Run:
        start = 0 if before is None else before.state.step
        steps = recipe.steps - start
        with Progress() if self.verbose else nullcontext() as shown:

            def on_progress(session: Session) -> None:
                for each in (shown, tasks):
                    if each is not None:
                        each(session)

            run = Run.of(
                train(
                    recipe,
                    dataset=dataset,
                    engine=self.engine,
                    threads=self.threads,
                    device=self.device,
                    observation=Observation(
                        tap_every=max(1, steps // _LOOKS),
                        first_until=1,
                        units=False,
                        evaluate_every=max(1, steps) if recipe.early_stopping is None else epoch,
                        evaluate_rows=10_000,
                    ),
                    on_progress=on_progress,
                    progress_every=epoch if tasks is not None else 0,
                    start=None if before is None else before.state,
                )
            )
        self.n_iter_ = -(-(run.session.step - start) // epoch)
        if run.stopped_by in ("not finite", "interrupted"):
            warnings.warn(f"training ended early: {run.stopped_by}; see run_.findings", ConvergenceWarning, 2)
        return run

    def _split(self, x: Array, t: Array, weights: Array | None, seed: int) -> tuple[Any, ...]:
        """Return x, x_val, t, t_val and the weights of x; classes keep their shares where that is possible.

        Validation samples stand there as often as their weights say, so their mean loss is the weighted one.
        """
        arrays = [x, t] if weights is None else [x, t, weights]
        stratify = None
        if t.dtype.kind == "i":
            sizes = np.unique(t, return_counts=True)[1]
            fewest = min(self.validation_fraction, 1 - self.validation_fraction) * len(t)
            stratify = t if sizes.min() > 1 and int(fewest) >= len(sizes) else None
        parts = train_test_split(
            *arrays, test_size=self.validation_fraction, random_state=seed, stratify=stratify
        )
        if weights is None:
            return (*parts, None)
        x, x_val, t, t_val, weights, w_val = parts
        seen = Sampler(len(t_val), len(t_val), seed, False, w_val).batches(0, 1)[0]
        return x, x_val[seen], t, t_val[seen], weights

    def _shaped(self, x: Array) -> Array:
        """Return rows (n, d) as samples of `input_shape`."""
        if self.input_shape is None:
            return x
        try:
            return x.reshape(len(x), *self.input_shape)
        except ValueError:
            raise ShapeError(
                "input_shape_does_not_fit_a_row",
                where=type(self).__name__,
                expected=x.shape[1],
                got=self.input_shape,
            ) from None

    def _units(self, t: Array) -> TargetUnits | None:
        """How targets are brought to mean 0 and deviation 1; None for classes."""
        return None

    def _optimizer(self) -> Optimizer:
        made = self.optimizer if isinstance(self.optimizer, Optimizer) else OPTIMIZERS[self.optimizer]()
        return made if self.learning_rate is None else replace(made, learning_rate=self.learning_rate)

    def _initializer(self) -> Initializer:
        given = self.initializer
        return given if isinstance(given, Initializer) else INITIALIZERS[given]()

    def _outputs(self, X: Any) -> Array:
        """Return what the network puts out for X (n, d), as it learned it: (n, K) float32."""
        check_is_fitted(self, "_learned")
        x = validate_data(self, X, reset=False, dtype=(np.float64, np.float32))
        return self._learned.outputs(self._shaped(x))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "run_"}


def _sample_weights(given: Any, n: int) -> Array:
    """Return weights (n,); one number stands for all. Raises ValueError, as scikit-learn expects it."""
    weights = np.asarray(given)
    try:
        return check_weights(np.full(n, weights) if weights.ndim == 0 else weights, n, "fit")
    except DataError as error:
        raise ValueError(str(error)) from error
