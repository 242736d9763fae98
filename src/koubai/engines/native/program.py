"""NativeProgram: a job compiled to tables of primitives and kernels, with its memory."""

from __future__ import annotations

import time
from math import prod
from weakref import WeakMethod

import numpy as np

from koubai.core import random
from koubai.core.params import Array
from koubai.core.tap_record import TapRecord
from koubai.data.levels import Inputs, as_inputs
from koubai.engines.engine import Job, Observation, OnTap, TrainingState
from koubai.engines.native.backends.find import find_backend
from koubai.engines.native.blueprint import blueprint
from koubai.engines.native.formulas import Formulas
from koubai.engines.native.instructions import DropoutKey, Known, Python
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.block import Pointer
from koubai.engines.native.link import Linked, Running
from koubai.engines.native.links import Links
from koubai.engines.native.listing import listing
from koubai.engines.native.memory import HeldSamples, ProgramMemory
from koubai.engines.native.possible import require_possible
from koubai.engines.native.rates import step_numbers
from koubai.engines.native.structure import Structure
from koubai.engines.native.together import alone
from koubai.engines.turns import Turn, in_turn

_STRETCH, _STRETCH_SECONDS = 1000, 0.2  # most that runs between two looks at Python, so that Ctrl-C is heard
_SLOTS = Known.SLOT_1, Known.SLOT_2, Known.SLOT_3
_FED_BYTES = 1 << 24  # of augmented samples laid down at once
_TAPPED_BYTES = 1 << 24  # of taps kept between two looks


class NativeProgram:
    """Runs stretches of training in compiled code; see docs/engine.md for its parts."""

    engine = "native"

    def __init__(self, job: Job) -> None:
        self.turn = Turn()
        self._backend = find_backend()
        require_possible(job, self._backend)
        job.check()
        self._structure = Structure.of(job, self._backend.name)
        self._blueprint = blueprint(self._structure)
        self._store = self._blueprint.store
        self._memory = ProgramMemory(self._blueprint)
        self._inputs, self._asked, self._answers = HeldSamples(), HeldSamples(), np.zeros(1, np.int64)
        self._links = Links(self._blueprint, self._memory, self._backend, WeakMethod(self._known))
        self._bounds = self._store.bounds(self._blueprint.batch_shards()[0].workers)
        self._step = 0
        self._seconds = _STRETCH_SECONDS  # a step takes at most this, until one was timed
        self._take(job)
        self.restore(TrainingState(0, job.network.initialize(job.seed, job.dtype)))

    def _take(self, job: Job) -> None:
        """Adopt a job of the same structure: its data, its numbers, its seed."""
        self.job = job
        self._inputs.hold(job.x)
        values = self._structure.target
        # Labels are indices in compiled code: a copy, which nobody can change once they were checked.
        self._t = np.ascontiguousarray(job.t, np.float32) if values else np.array(job.t, np.int64, order="C")
        self._room = 0  # rows of augmented samples that there is room for
        self._chunks = self._store.chunks(job.is_frozen)
        self._keys = {
            node.path: np.array([random.key(job.seed, "dropout", node.path)], np.uint64)
            for node in self._blueprint.graph.nodes
            if node.op == "dropout"
        }
        self._formulas = Formulas(job, self._store, self._memory)
        self._links.clear()
        self._shares: Array | None = None

    @property
    def training_plan(self) -> Linked:
        """The plan of a training step."""
        return self._links.training

    @in_turn
    def state(self) -> TrainingState:
        """Return a copy of the training state, in logical layouts."""
        return self._memory.state(self._step)

    @in_turn
    def restore(self, state: TrainingState) -> None:
        """Continue from a copy of `state`; slots it does not have start at 0."""
        self.job.check_state(state)
        self._memory.restore(state)
        self._step = state.step

    @in_turn
    def replace(self, job: Job) -> bool:
        """Take over another job's numbers without compiling; return False if its structure is another."""
        if job.dtype != "float32":
            return False
        job.check()
        if Structure.of(job, self._backend.name) != self._structure:
            return False
        self._take(job)
        return True

    @in_turn
    def advance(
        self, indices: Array, observation: Observation | None = None, on_tap: OnTap | None = None
    ) -> Array:
        """Train one step for each row of `indices`; return the losses, fewer after one that is not finite."""
        return alone(self.advancing(indices, observation, on_tap))

    def advancing(
        self, indices: Array, observation: Observation | None = None, on_tap: OnTap | None = None
    ) -> Running[Array]:
        """Advance, but let another run what is to be run."""
        indices = self.job.check_indices(indices)
        if not self.job.augment:
            return (yield from self._advance(indices, observation, on_tap))
        most = max(1, _FED_BYTES // (4 * self.job.batch_size * prod(self.job.network.in_shape)))
        losses: list[float] = []
        for first in range(0, len(indices), most):
            part = indices[first : first + most]
            losses += (yield from self._advance(self._feed(part), observation, on_tap)).tolist()
            if not np.isfinite(losses[-1]):
                break
        return np.array(losses)

    def _feed(self, indices: Array) -> Array:
        """Lay down the samples of these steps as augmented; return which of them make each batch."""
        steps, rows = len(indices), indices.size
        drawn = [self.job.batch(row, self._step + 1 + i) for i, row in enumerate(indices)]
        if rows > self._room:
            self._room = rows
            self._t = np.zeros((rows, *self._t.shape[1:]), self._t.dtype)
            self._links.clear()  # the plans know where targets lie
        self._inputs.hold(np.concatenate([x for x, _ in drawn]))
        self._t[:rows] = np.concatenate([t for _, t in drawn]).reshape(rows, *self._t.shape[1:])
        return np.arange(rows, dtype=np.int64).reshape(steps, -1)

    def _advance(
        self, indices: Array, observation: Observation | None, on_tap: OnTap | None
    ) -> Running[Array]:
        losses = np.zeros(len(indices))
        wanted = observation if observation is not None and on_tap is not None else Observation()
        first = self._step
        table = step_numbers(self.job, self._step + 1, len(indices))
        done = 0
        while done < len(indices):
            flags = self._stretch(len(indices) - done, wanted)
            part = slice(done, done + len(flags))
            if flags.any():
                records = yield from self._run_tapped(flags, wanted, table[part], indices[part], losses[part])
            else:
                records = []
                yield from self._run(self._links.training, table[part], indices[part], losses[part])
            done = self._step - first
            if on_tap is not None:
                for record in records:
                    on_tap(record)
            if not np.isfinite(losses[done - 1]):
                break
        return losses[:done]

    def _stretch(self, left: int, observation: Observation) -> Array:
        """The steps to run without returning: not for long. Which of them are tapped, as numbers 0 and 1."""
        most = min(left, _STRETCH, max(1, int(_STRETCH_SECONDS / self._seconds)))
        flags = np.array([observation.taps(self._step + 1 + n) for n in range(most)], np.int64)
        if self._links.training.returns or (flags.any() and self._links.tapped(observation).returns):
            return flags[: 1 if flags[0] else int(np.argmax(np.append(flags[1:], 1))) + 1]
        room = max(1, _TAPPED_BYTES // self._links.reader(observation).bytes) if flags.any() else most
        return flags[: int(np.searchsorted(np.cumsum(flags), room, side="right"))]

    def _run(
        self, linked: Linked, table: Array, indices: Array, losses: Array, ticks: Array | None = None
    ) -> Running[None]:
        """Run steps. `ticks` (shards, rows) gathers the cycles of every row."""
        linked.stand(self._step + 1, indices, table, losses)
        for shard, row in enumerate(ticks if ticks is not None else ()):
            linked.places.shards[shard]["ticks"] = row.ctypes.data
        began = time.perf_counter()
        before = self._step
        try:
            while (status := (yield from linked.run())) == loop.CALL_PYTHON:
                self._call_python(linked, indices)
        finally:  # an interrupt comes out here, after whole steps
            self._step = before + linked.get("step")
        if status != loop.DONE:
            raise linked.failure(status)
        ran = self._step - before
        self._seconds = max(1e-7, (time.perf_counter() - began) / ran)

    def _call_python(self, linked: Linked, indices: Array, *, training: bool = True) -> None:
        """Do what the row at which the loop stopped asks for, and step over it."""
        row, step = linked.get("row"), linked.get("step")
        instruction = linked.instructions[row]
        assert isinstance(instruction, Python)  # the loop returns at such rows only
        action, node = instruction.action, instruction.node
        tensors = [linked.array(tensor) for tensor in instruction.tensors]
        update = self._step + step + 1 if training else 0
        if action == "loss":
            self._formulas.loss(tensors[0], self._t[indices[step]], tensors[1], tensors[2])
        else:
            self._formulas.run(action, node, tensors, training=training, step=update)
        linked.set(row=row + 1)

    def _known(self) -> dict[Pointer, int]:
        """What the known places of a plan stand for in this program."""
        memory = self._memory
        arrays: dict[Pointer, Array] = {
            Known.INPUTS: self._inputs.block,
            Known.ASKED: self._asked.block,
            Known.ANSWERS: self._answers,
            Known.TARGETS: self._t,
            Known.WEIGHTS: memory.weights,
            Known.GRADIENTS: memory.gradients,
            Known.CHUNKS: self._chunks,
            Known.BOUNDS: self._bounds,
            **dict(zip(_SLOTS, memory.slots, strict=False)),
            **{DropoutKey(path): key for path, key in self._keys.items()},
        }
        addresses: dict[Pointer, int] = dict.fromkeys(_SLOTS, 0)  # an optimizer may have fewer
        addresses |= {place: int(array.ctypes.data) for place, array in arrays.items()}
        return addresses | {Known.GRADIENT_STRIDE: memory.gradient_stride}

    def _run_tapped(
        self, flags: Array, observation: Observation, table: Array, indices: Array, losses: Array
    ) -> Running[list[TapRecord]]:
        """Run steps of which some are tapped; return their records."""
        reader, tapped, before = self._links.reader(observation), self._links.tapped(observation), self._step
        tapped.leave_sums(reader.expect(int(flags.sum())))
        if tapped.returns:  # one step, Python between its rows
            with self._formulas.tapping(units=observation.units) as inside:
                yield from self._run(tapped, table, indices, losses)
            (moments,) = reader.read(1)
            return [TapRecord(self._step, {**moments, **inside} if inside else moments)]
        tapped.stand(self._step + 1, indices, table, losses)
        with self._links.training.beside(tapped, flags):
            yield from self._run(self._links.training, table, indices, losses)
        steps = before + 1 + np.flatnonzero(flags[: self._step - before])
        return list(map(TapRecord, steps.tolist(), reader.read(len(steps))))

    @in_turn
    def predict(self, x: Inputs) -> Array:
        """Return the outputs (n, K) of inputs (n, ...) as at test time."""
        return alone(self.predicting(x))

    def predicting(self, x: Inputs) -> Running[Array]:
        """Predict, but let another run what is to be run."""
        network = self.job.network
        x = as_inputs(x, network.in_shape, "float32", "predict")
        n = len(x)
        rows = self._blueprint.predict_rows(n)
        steps = -(-n // rows)
        order = np.minimum(np.arange(steps * rows), n - 1).reshape(steps, rows)  # the last one fills the rest
        y = np.empty((order.size, prod(network.out_shape)), np.float32)
        linked = self._links.predicting(rows)
        self._asked.hold(x)
        self._answers[0] = y.ctypes.data
        linked.stand(0, order)
        done = pace = 0
        while done < steps:
            began = time.perf_counter()
            linked.set(steps=min(steps, done + max(1, pace)))
            while (status := (yield from linked.run())) == loop.CALL_PYTHON:
                self._call_python(linked, order, training=False)
            if status != loop.DONE:
                raise linked.failure(status)
            ran, done = linked.get("step") - done, linked.get("step")
            pace = int(_STRETCH_SECONDS * ran / max(1e-7, time.perf_counter() - began))
        return y[:n].reshape(n, *network.out_shape)

    @in_turn
    def listing(self) -> str:
        """Return the training step as text: each row with its layer, primitive, implementation, layouts."""
        linked = self._links.training
        step = listing(linked, self._memory, self.job.network, self._backend.title, self._shares)
        return "\n".join([step, *self.job.outside()])

    @in_turn
    def profile(self, indices: Array) -> Array:
        """Train on `indices` while timing every row; return each row's share of the time, of all shards.

        The first of several steps is not timed: it may touch memory for the first time. The listing shows the
        shares from then on.
        """
        linked = self._links.training
        indices = self.job.check_indices(indices)
        if len(indices) > 1:
            self.advance(indices[:1])
            indices = indices[1:]
        if self.job.augment:
            indices = self._feed(indices)
        ticks = np.zeros((len(linked.shards), len(linked.instructions)), np.int64)
        table = step_numbers(self.job, self._step + 1, len(indices))
        alone(self._run(linked, table, indices, np.zeros(len(indices)), ticks))
        self._shares = ticks.sum(axis=0) / max(1, ticks.sum())
        return self._shares
