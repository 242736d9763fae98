"""Formulas inside a program: what runs when the loop returns to Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from koubai.core.blas_threads import blas_threads
from koubai.core.layer import Cell, wire
from koubai.core.params import Array
from koubai.core.taps import Squares, taken
from koubai.engines.engine import Job
from koubai.engines.native.graph import Node
from koubai.engines.native.memory import ProgramMemory
from koubai.engines.native.store import ParameterStore, arrays
from koubai.engines.update import add_penalties, update
from koubai.network.network import Weights, bind, join


class Formulas:
    """The reference formulas of layers, losses, penalties and optimizers that have no kernel."""

    def __init__(self, job: Job, store: ParameterStore, memory: ProgramMemory) -> None:
        self._job, self._store, self._memory = job, store, memory
        self._cells: dict[tuple[str, bool], Cell] = {}
        self._taps: dict[tuple[str, str], Array] | None = None

    @contextmanager
    def tapping(self, *, units: bool) -> Iterator[dict[tuple[str, str], Squares]]:
        """Keep tensors while a step runs; what is to be taken of them is there afterwards."""
        self._taps, sums = {}, dict[tuple[str, str], Squares]()
        try:
            yield sums
            sums |= {
                (path, role): taken(x, role, units=units)
                for (path, role), x in self._taps.items()
                if (path, role) not in self._job.network.untapped
            }
        finally:
            self._taps = None

    def run(self, action: str, node: Node | None, tensors: list[Array], *, training: bool, step: int) -> None:
        """Do what a row names: a node's forward or backward pass, the penalties, the update."""
        with blas_threads(self._job.threads):
            if node is not None:
                inner, out = node.inputs[0].shape, node.output.shape
                shapes = (inner, out) if action == "forward" else (out, inner)
                x, y = (tensor.reshape(-1, *shape) for tensor, shape in zip(tensors[:2], shapes, strict=True))
                if action == "forward":
                    self.forward(node, x, y, training=training, step=step)
                else:
                    self.backward(node, x, y, step=step)
            elif action == "penalties":
                self.penalties()
            else:
                self.update(step)

    def forward(self, node: Node, x: Array, y: Array, *, training: bool, step: int) -> None:
        """y = forward(x)."""
        cell = self._cell(node, training)
        tapped = self._tell(cell, step)
        y[...] = cell.forward(x)
        self._keep(tapped)

    def backward(self, node: Node, dy: Array, dx: Array, *, step: int) -> None:
        """dx = backward(dy), and the parameters' gradients."""
        cell = self._cell(node, True)
        tapped = self._tell(cell, step)
        dx[...] = cell.backward(dy)
        self._keep(tapped)
        for inner in cell.walk():
            for name in inner.params:
                path = join(inner.path, name)
                self._view(self._memory.gradients, path)[...] = inner.grads[name]

    def _tell(self, cell: Cell, step: int) -> dict[tuple[str, str], Array] | None:
        """Tell a tree of cells the step, and where to leave what its leaves tap."""
        tapped: dict[tuple[str, str], Array] | None = None if self._taps is None else {}
        for inner in cell.walk():
            inner.step, inner.taps = step, tapped
        return tapped

    def _keep(self, tapped: dict[tuple[str, str], Array] | None) -> None:
        """Copy tapped tensors out of the program's buffers, which other rows will reuse."""
        if self._taps is not None and tapped is not None:
            self._taps |= {key: tensor.copy() for key, tensor in tapped.items()}

    def loss(self, y: Array, t: Array, dy: Array, parts: Array) -> None:
        """E and dE/dy."""
        parts[...] = 0
        parts[0] = self._job.loss.value(y, t)
        dy[...] = self._job.loss.gradient(y, t)

    def penalties(self) -> None:
        """Add the penalties' gradients."""
        memory, gradients = self._memory, self._arrays(self._memory.gradients)
        add_penalties(self._job, self._arrays(memory.weights), gradients)
        self._save(memory.gradients, gradients)

    def update(self, step: int) -> None:
        """Clip, then change weights and slots."""
        job, memory = self._job, self._memory
        params, gradients = self._arrays(memory.weights), self._arrays(memory.gradients)
        slots = [self._arrays(values) for values in memory.slots]
        if self._taps is not None:
            self._taps |= {(path, "weight_gradient"): g.copy() for path, g in gradients.items()}
            self._taps |= {(path, "weight"): w.copy() for path, w in params.items()}
        named = {
            f"{path}/{slot}": array
            for slot, values in zip(job.optimizer.slots, slots, strict=True)
            for path, array in values.items()
        }
        update(job, step, params, gradients, named)
        for memories, changed in zip((memory.weights, *memory.slots), (params, *slots), strict=True):
            self._save(memories, changed)
        if self._taps is not None:
            self._taps |= {(path, "update"): w - self._taps[path, "weight"] for path, w in params.items()}

    def _arrays(self, memory: Array) -> dict[str, Array]:
        return arrays(self._store.forms, self._store.place, memory)

    def _save(self, memory: Array, changed: dict[str, Array]) -> None:
        for path, logical in changed.items():
            self._store.forms[path].store(logical, memory[self._store.place(path)])

    def _view(self, memory: Array, path: str) -> Array:
        """A parameter of a formula, which is kept in C order, as an array over the memory itself."""
        return memory[self._store.place(path)].reshape(self._job.network.param_specs[path].shape)

    def _cell(self, node: Node, training: bool) -> Cell:
        """The node's layer bound to the program's memory."""
        if (node.path, training) not in self._cells:
            made: Cell = node.settings["cell"]
            cell = wire(made.layer, made.path, made.in_shape)
            own, store, memory = node.stored.values(), self._store, self._memory
            params = {s.path: self._view(memory.weights, s.path) for s in own if s.trained}
            kept = {
                s.path: memory.kept[store.kept_place(s.path)].reshape(s.shape) for s in own if not s.trained
            }
            bind(cell, Weights(params, kept))
            for inner in cell.walk():
                inner.training, inner.seed = training, self._job.seed
            self._cells[node.path, training] = cell
        return self._cells[node.path, training]
