"""Session: one training run in progress; it advances, evaluates, records and forks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from koubai.core.errors import ConfigError, Problem
from koubai.core.params import Array
from koubai.core.tap_record import TapRecord
from koubai.data.dataset import Dataset
from koubai.data.levels import Inputs, as_inputs
from koubai.data.sampler import Sampler
from koubai.engines.choose import compile_job, engine_of
from koubai.engines.engine import Job, Observation, Program, TrainingState
from koubai.engines.ranks import ALONE, Ranks
from koubai.engines.threads import threads_for
from koubai.network.network import Network
from koubai.probes.history import History
from koubai.probes.record import Recorder, default_probes
from koubai.train.metrics import Metric, MetricValue, metrics_of
from koubai.train.recipe import Recipe
from koubai.words.phrase import phrase

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Score:
    """Loss and accuracy on one part; `accuracy` is None for regression, both NaN for an empty part.

    `measures` are the metrics that were asked for, by name: numbers, or lists of them such as the rows of a
    confusion matrix (true classes down, predicted ones across).
    """

    loss: float
    accuracy: float | None
    count: int
    measures: Mapping[str, MetricValue] = field(default_factory=dict, hash=False)


class Session:
    """A recipe, its data, a compiled program and the history so far.

    | attribute  | meaning                                                                          |
    |------------|----------------------------------------------------------------------------------|
    | step       | updates made                                                                     |
    | stopped_by | why it ended before its last step: "not finite", "early stopping", "interrupted", |
    |            | or what a caller sets                                                            |
    | best       | the state with the lowest validation loss so far, under early stopping           |
    | sampler    | which samples make which batch                                                   |
    | threads    | how many it computes with; told "auto", as many as engines/threads.py finds        |
    | device     | where it was asked to compute; `computed_on` is where it does                    |
    | ranks      | the processes that train it together; all make the same calls                    |
    | foreseen   | outputs for a part that are known before it is evaluated next; see train/bundle  |
    | metrics    | what is measured beside loss and accuracy: the recipe's and `own_metrics`        |
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        dataset: Dataset | None = None,
        data_dir: Path | None = None,
        engine: str = "auto",
        threads: int | str = 1,
        device: str = "auto",
        observation: Observation | None = None,
        ranks: Ranks = ALONE,
        own_metrics: Sequence[Metric] = (),
    ) -> None:
        self.recipe = recipe
        self.ranks = ranks
        self.dataset = dataset if dataset is not None else recipe.data.load(data_dir)
        self.data_dir = data_dir
        self.device = device
        self.observation = observation or Observation()
        self.history = History()
        self.step = 0
        self.stopped_by: str | None = None
        self.best: TrainingState | None = None  # under early stopping
        self.foreseen: dict[str, Array] = {}
        self.sampler = Sampler(
            len(self.dataset.t_train),
            recipe.batch_size,
            recipe.seed,
            recipe.replacement,
            self.dataset.w_train,
        )
        self.own_metrics = tuple(own_metrics)
        self.metrics = metrics_of(recipe.metrics, own_metrics, self.dataset.classes, recipe.loss)
        job = self._job(recipe)
        self.threads = threads_for(job, engine_of(job, engine), threads)
        self.program: Program = compile_job(replace(job, threads=self.threads), engine)
        self.network: Network = self.program.job.network
        self._recorder = Recorder(self.network, default_probes())

    @property
    def computed_on(self) -> str:
        """The device on which the program computes, such as "cpu"; a GPU with its own name."""
        return str(getattr(self.program, "device", "cpu"))

    def _job(self, recipe: Recipe) -> Job:
        network = Network(recipe.network, self.dataset.in_shape, recipe.initializer)
        problems = []
        if sentence := recipe.loss.check(network.out_shape, self.dataset.classes):
            problems.append(Problem("network", sentence))
        if recipe.early_stopping is not None and not len(self.dataset.t_val):
            hint = phrase("give_a_validation_part")
            problems.append(Problem("early_stopping", phrase("needs_a_validation_part"), hint=hint))
        for i, way in enumerate(recipe.data.augment):
            if not way.fits(shape := network.in_shape):
                name = way.registry_name
                text = phrase("augmentation_needs_pictures", way=name, shape=shape)
                problems.append(Problem(f"data.augment.{i}", text))
        if problems:
            raise ConfigError("recipe", problems)
        t = self.dataset.t_train
        return Job(
            network=network,
            loss=recipe.loss,
            optimizer=recipe.optimizer,
            x=as_inputs(self.dataset.inputs("train"), network.in_shape, recipe.dtype, self.dataset.name),
            t=t if t.dtype.kind == "i" else np.ascontiguousarray(t, recipe.dtype),
            batch_size=recipe.batch_size,
            schedule=recipe.schedule,
            penalties=recipe.penalties,
            clipping=recipe.clipping,
            frozen=recipe.frozen,
            augment=recipe.data.augment,
            seed=recipe.seed,
            dtype=recipe.dtype,
            precision=recipe.precision,
            exact_convolution=recipe.exact_convolution,
            device=self.device,
            ranks=self.ranks,
        )

    def advance(self, steps: int) -> Array:
        """Train `steps` updates, recording losses and taps; return the losses (fewer after a NaN)."""
        taps: list[TapRecord] = []
        batches = self.sampler.batches(self.step, steps)
        with quiet():
            losses = self.program.advance(batches, self.observation, taps.append)
        self.take(losses, taps)
        return losses

    def take(self, losses: Array, taps: Sequence[TapRecord]) -> None:
        """Take in the losses and taps of the steps that the program has just made."""
        numbers = np.arange(self.step + 1, self.step + 1 + len(losses))
        self.history.add_series("", "loss", numbers, losses)
        self.history.write_later(self._recorder, list(taps))
        self.step += len(losses)
        if len(losses) and not np.isfinite(losses[-1]):
            self.stopped_by = "not finite"

    def outputs(self, x: Inputs) -> Array:
        """Return the network's outputs (n, K) for prepared inputs x (n, ...), in units of scaled targets."""
        with quiet():
            return self.program.predict(x)

    def evaluate(self, part: str = "test", rows: int | None = None) -> Score:
        """Return loss and accuracy on the first `rows` of a part, as at test time."""
        x, t = self.dataset.inputs(part)[:rows], getattr(self.dataset, f"t_{part}")[:rows]
        if len(x) == 0:
            return Score(float("nan"), None, 0)
        y = self.foreseen.pop(part, None)
        y = self.outputs(x) if y is None else y
        with quiet():
            loss = self.recipe.loss.value(y, t)
        accuracy = (
            float((self.recipe.loss.decide(y) == t).mean()) if self.dataset.classes is not None else None
        )
        measures = {m.name: m.of(t, y, self.recipe.loss, self.dataset.preparation) for m in self.metrics}
        return Score(loss, accuracy, len(x), measures)

    def scores(self) -> dict[str, Score]:
        """Evaluate every part that has samples; of the training part as many as the observation asks for."""
        found = {part: self.evaluate(part, self.evaluated_rows(part)) for part in PARTS}
        return {part: score for part, score in found.items() if score.count}

    def evaluated_rows(self, part: str) -> int | None:
        """Return how many rows of a part `scores` looks at; None: all."""
        return self.observation.evaluate_rows if part == "train" else None

    def record_scores(self) -> dict[str, Score]:
        """Evaluate every part and append the scores to the history as `train_loss`, `test_f1_macro` ..."""
        scores = self.scores()
        for part, score in scores.items():
            self.history.add(self.step, "", f"{part}_loss", score.loss)
            if score.accuracy is not None:
                self.history.add(self.step, "", f"{part}_accuracy", score.accuracy)
            for name, value in score.measures.items():
                if isinstance(value, float):
                    self.history.add(self.step, "", f"{part}_{name}", value)
                else:
                    self.history.add_vector(self.step, "", f"{part}_{name}", np.array(value, np.float64))
        return scores

    def state(self) -> TrainingState:
        """Return a copy of weights, optimizer tensors and step."""
        return self.program.state()

    def restore(self, state: TrainingState) -> None:
        """Go to a state; the history keeps what lies up to its step."""
        self.program.restore(state)
        self.step = state.step
        self.stopped_by = None
        self.history = self.history.until(state.step)
        if self.best is not None and self.best.step > state.step:
            self.best = None

    def fork(self, changes: Mapping[str, Any] | Recipe = {}, state: TrainingState | None = None) -> Session:  # noqa: B006 -- never written to
        """Return an independent session that continues from here (or from `state`) under a changed recipe.

        Data and order stay the same; the history starts empty. Weights are carried over where the changed
        network has parameters of the same path and shape, else they take their initial values.
        """
        recipe = changes if isinstance(changes, Recipe) else self.recipe.edit(**dict(changes))
        same_data = recipe.data == self.recipe.data
        child = Session(
            recipe,
            dataset=self.dataset if same_data else None,
            engine=self.program.engine,
            threads=self.threads,
            device=self.device,
            observation=self.observation,
            own_metrics=self.own_metrics,
        )
        carried = _carry(state or self.state(), child.program.state())
        child.program.restore(carried)
        child.step = carried.step
        return child


def quiet() -> AbstractContextManager[None]:
    """Silence NumPy on overflow: a run that diverges is told once, by `stopped_by`, not at every product."""
    return np.errstate(all="ignore")


def _carry(source: TrainingState, target: TrainingState) -> TrainingState:
    """Return `target` with every array of `source` that has the same name and shape, at the source's step."""
    carried = target.copy()
    carried.step = source.step
    for old, new in (
        (source.weights.params, carried.weights.params),
        (source.weights.buffers, carried.weights.buffers),
        (source.slots, carried.slots),
    ):
        for name, array in old.items():
            if name in new and new[name].shape == array.shape:
                new[name] = array.copy()
    return carried
