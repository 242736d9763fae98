"""What an engine is: it compiles a Job to a Program; a Program advances, predicts, forks.

Sample order and dropout masks are functions of (seed, step), computed outside, so that every engine sees
the same batches and a program's whole state is its arrays and its step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Protocol, TypeAlias

import numpy as np

from koubai.core.arrays import array_of, is_numbers
from koubai.core.errors import DataError, EngineError, ShapeError
from koubai.core.params import Array
from koubai.core.tap_record import TapRecord
from koubai.data.augment.augmentation import Augmentation, altered
from koubai.data.levels import Inputs, Levels, as_inputs
from koubai.engines.ranks import ALONE, Ranks
from koubai.losses.loss import Loss
from koubai.network.network import Network, Weights
from koubai.optim.clipping import Clipping
from koubai.optim.optimizer import Optimizer
from koubai.penalties.penalty import Penalty
from koubai.schedules.schedule import ConstantRate, Schedule
from koubai.words.phrase import phrase


@dataclass(frozen=True)
class Job:
    """Everything an engine needs to train: the resolved form of a Recipe, with its data as arrays.

    | field | shape                                                 |
    |-------|-------------------------------------------------------|
    | x     | (n, *network.in_shape), of `dtype` or Levels          |
    | t     | (n,) int64 class labels, or (n, K) values of `dtype`  |
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    x: Inputs
    t: Array
    batch_size: int
    schedule: Schedule = ConstantRate()
    penalties: tuple[Penalty, ...] = ()
    clipping: Clipping | None = None
    frozen: tuple[str, ...] = ()  # parameter paths (or prefixes) that are not updated
    augment: tuple[Augmentation, ...] = ()
    seed: int = 0
    dtype: str = "float32"
    precision: str = "float32"  # or "bfloat16", "float16": mixed, with float32 master weights
    exact_convolution: bool = False  # convolutions by direct sums, never by Winograd's transforms
    threads: int = 1
    device: str = "auto"  # where it is computed: "auto", "cpu", "gpu", "cuda", "cuda:0", "mps"
    ranks: Ranks = ALONE  # the processes that share every batch

    @property
    def pulls(self) -> tuple[Penalty, ...]:
        """The penalties whose gradients the optimizer gets."""
        return tuple(penalty for penalty in self.penalties if not penalty.proximal)

    def batch(self, rows: Array, step: int) -> tuple[Array, Array]:
        """Return inputs and targets of samples `rows` (N,) as update `step` (from 1) sees them: augmented."""
        x, t = np.asarray(self.x[rows]), self.t[rows]
        if not self.augment:
            return x, t
        return altered(self.augment, np.ascontiguousarray(x, self.dtype), t, self.seed, step)

    def outside(self) -> list[str]:
        """Return a line of a listing for what runs by its formula in NumPy before a step, in every engine."""
        return [
            f"reference formula: {way.registry_name} (augmentation), each batch before its step: no kernel"
            for way in self.augment
        ]

    def share(self, rows: Array, step: int) -> tuple[Array, Array]:
        """Return this rank's part of `batch`; what is drawn for a sample goes by its place in the whole."""
        mine = self.ranks.rows(len(rows))
        if not self.augment:
            return self.batch(rows[mine], step)
        x, t = self.batch(rows, step)
        return x[mine], t[mine]

    def check(self) -> None:
        """Raise unless inputs and targets are what the table says, and fit the network.

        Raises:
            ShapeError: shapes that do not fit each other or the network.
            DataError: no numbers, or a label that is none of the network's outputs.
        """
        for name, array in (("x", self.x), ("t", self.t)):
            if isinstance(array, Levels) and name == "x":
                continue
            if not is_numbers(array) or not array.dtype.isnative or not array.ndim:
                got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise DataError("not_an_array_of_this_machine", array=name, where="job", got=got)
        n, outputs = len(self.x), self.network.out_shape
        as_inputs(self.x, self.network.in_shape, self.dtype, "job")
        kind, rest = self.t.dtype.kind, self.t.shape[1:]
        if len(self.t) != n or kind not in "if" or rest not in (((),) if kind == "i" else ((), outputs)):
            raise ShapeError(
                "targets_do_not_fit_inputs_and_network",
                n=n,
                shape=(n, *outputs),
                where="job",
                got=phrase("dtype_and_shape", kind=self.t.dtype, shape=self.t.shape),
                hint=phrase("last_layer_of_values", count=prod(rest)) if kind == "f" else None,
            )
        labels = max(outputs[-1], 2) if outputs else 2  # one output alone tells two classes apart
        for i, way in enumerate(self.augment):
            if not way.fits(shape := self.network.in_shape):
                name = way.registry_name
                raise ShapeError("augmentation_needs_pictures", way=name, shape=shape, where=f"augment.{i}")
        if kind == "i" and n and (self.t.min() < 0 or self.t.max() >= labels):
            got = f"{self.t.min()} .. {self.t.max()}"
            raise DataError("label_is_not_a_class", where="job", expected=f"0 .. {labels - 1}", got=got)

    def check_indices(self, indices: Array) -> Array:
        """Return indices (steps, batch_size) of samples as int64, one after another.

        Raises:
            EngineError: another shape, no whole numbers, or an index outside the data.
        """
        found = array_of(indices, "indices", "advance")
        if found.ndim != 2 or found.shape[1] != self.batch_size:
            expected = ("steps", self.batch_size)
            raise EngineError("indices_have_another_shape", expected=expected, got=found.shape)
        if found.dtype.kind not in "iu":
            raise EngineError("indices_are_whole_numbers", got=found.dtype)
        if found.size and (found.min() < 0 or found.max() >= len(self.x)):
            got = (int(found.min()), int(found.max()))
            raise EngineError("index_is_outside_the_data", expected=f"0 .. {len(self.x) - 1}", got=got)
        return np.ascontiguousarray(found, np.int64)

    def check_state(self, state: TrainingState) -> None:
        """Raise unless a training state fits the network and the optimizer; slots may be missing.

        Raises:
            KoubaiError: arrays of another network, or of another shape.
            EngineError: no step, or slots that are not of the shape of their parameters.
        """
        self.network.check(state.weights)
        if not isinstance(state.step, int | np.integer) or state.step < 0:
            raise EngineError("step_is_whole_number_from_0_on", got=state.step)
        for path, spec in self.network.param_specs.items():
            for slot in self.optimizer.slots:
                name = f"{path}/{slot}"
                found = state.slots.get(name)
                if found is not None and (not is_numbers(found) or found.shape != tuple(spec.shape)):
                    got = getattr(found, "shape", type(found).__name__)
                    raise EngineError("slot_has_another_shape", where=name, expected=spec.shape, got=got)

    def state_of(self, state: TrainingState) -> TrainingState:
        """Return a copy of a state in the type in which this job computes; raises as `check_state` does."""
        self.check_state(state)

        def own(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name: np.array(array, self.dtype, order="C") for name, array in arrays.items()}

        with np.errstate(over="ignore"):
            weights = Weights(own(state.weights.params), own(state.weights.buffers))
            return TrainingState(int(state.step), weights, own(state.slots))

    def is_frozen(self, path: str) -> bool:
        """Return whether a parameter is left as it is."""
        return any(path == prefix or path.startswith(prefix + ".") for prefix in self.frozen)


@dataclass
class TrainingState:
    """All that changes while training; copying it is a fork, saving it is a checkpoint.

    `slots` holds the optimizer's tensors under `path/slot`, e.g. `1.weight/m`.
    """

    step: int
    weights: Weights
    slots: dict[str, Array] = field(default_factory=dict)

    def copy(self) -> TrainingState:
        """Return independent copies of all arrays."""
        return TrainingState(
            self.step, self.weights.copy(), {name: array.copy() for name, array in self.slots.items()}
        )


@dataclass(frozen=True)
class Observation:
    """What is watched of a run, and when; never changes the weights.

    Updates are numbered from 1. An engine taps every `tap_every`-th and all of the first `first_until`;
    `units` asks for per-unit rows of activations. A session evaluates after every `evaluate_every`-th, at
    most `evaluate_rows` rows of the training part (None: all). Every 0 means never.
    """

    tap_every: int = 0
    first_until: int = 0
    units: bool = True
    evaluate_every: int = 0
    evaluate_rows: int | None = None

    def taps(self, step: int) -> bool:
        """Return whether update `step` is tapped."""
        return 1 <= step <= self.first_until or (self.tap_every > 0 and step % self.tap_every == 0)


OnTap: TypeAlias = Callable[[TapRecord], None]
"""Takes the taps of a step."""


class Program(Protocol):
    """A compiled network with its training state."""

    engine: str
    job: Job

    def state(self) -> TrainingState:
        """Return a copy of the training state, in logical layouts."""
        ...

    def restore(self, state: TrainingState) -> None:
        """Continue from a copy of `state`."""
        ...

    def advance(
        self, indices: Array, observation: Observation | None = None, on_tap: OnTap | None = None
    ) -> Array:
        """Train one step for each row of `indices` (steps, N); return the data loss of each batch (steps,).

        Stops early, and returns fewer losses, after the first loss that is not finite. `on_tap` hears of
        every tapped step in order, once it is done; the program may be some steps further by then.
        """
        ...

    def predict(self, x: Inputs) -> Array:
        """Return the outputs (n, K) of inputs (n, ...) as at test time; n is free."""
        ...

    def replace(self, job: Job) -> bool:
        """Take over another job's hyper-parameters without compiling; return False if that cannot be."""
        ...

    def listing(self) -> str:
        """Return the program as text a reader can follow."""
        ...
