"""A step captured once as a CUDA graph, and replayed: the device is told of a whole step in one call.

A graph repeats the kernels it was captured with, on the same addresses and with the same arguments. So what
differs from step to step is copied to fixed places before each replay: one row of each of the source's
tables, and the numbers of the step, which the captured kernels read from memory, not as arguments.

**Never run on a GPU.** The tests replay the recorded operations of a step on the CPU, which finds numbers
that were caught in a graph, not what may be wrong with streams or memory pools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch

from koubai.core.random import key
from koubai.engines.torch.draws import halves
from koubai.engines.torch.step import TrainingStep

_EAGER = 3  # steps before the first capture: libraries choose and allocate in them
_CAPTURES = 4  # at most: RAdam has two kinds of steps, other rules one

DeviceWork = Callable[[], torch.Tensor]


class GraphRecorder(Protocol):
    """Captures what a function does on the device."""

    def beside(self) -> AbstractContextManager[None]:
        """Give the context in which all steps are made, captured or not."""
        ...

    def capture(self, work: DeviceWork) -> tuple[Callable[[], object], torch.Tensor]:
        """Do nothing yet; return what does the work, and where its result will lie."""
        ...


class Eager:
    """Makes one step after another."""

    def __init__(self, step: TrainingStep) -> None:
        self._step = step

    def beside(self) -> AbstractContextManager[None]:
        """Nothing to prepare."""
        return nullcontext()

    def run(self, tables: Sequence[torch.Tensor], steps: range, losses: torch.Tensor) -> None:
        """Make updates `steps` with the rows of the tables; leave their losses in `losses` (S,)."""
        for i, step in enumerate(steps):
            self._step.moment.step = step
            losses[i].copy_(self._step([table[i] for table in tables]))

    def __str__(self) -> str:
        return "each step again"


class Replayed(Eager):
    """The first steps eager, then one captured, then replayed; `why_not` says why all stay eager."""

    def __init__(self, step: TrainingStep, recorder: GraphRecorder) -> None:
        super().__init__(step)
        self._recorder = recorder
        self._kind: tuple[str, ...] | None = None  # of the step that is captured
        self._replay: Callable[[], object] = lambda: None
        self._loss = self._numbers = torch.zeros(0)
        self._row: list[torch.Tensor] = []
        self._eager, self.captures, self.why_not = _EAGER, 0, ""

    def beside(self) -> AbstractContextManager[None]:
        """The recorder's."""
        return self._recorder.beside()

    def run(self, tables: Sequence[torch.Tensor], steps: range, losses: torch.Tensor) -> None:
        """Make updates `steps` with the rows of the tables; leave their losses in `losses` (S,)."""
        eager = len(steps) if self.why_not else min(self._eager, len(steps))
        super().run(tables, steps[:eager], losses[:eager])
        self._eager = max(0, self._eager - eager)
        if eager == len(steps):
            return
        later, rest = [table[eager:] for table in tables], losses[eager:]
        if on_host := self._step.on_host:
            self.why_not = f"{on_host} runs on the host"
            super().run(later, steps[eager:], rest)
        else:
            self._replays(later, steps[eager:], rest)

    def _replays(self, tables: Sequence[torch.Tensor], steps: range, losses: torch.Tensor) -> None:
        kinds, numbers = zip(*map(self._told, steps), strict=True)
        width = max(map(len, numbers))
        filled = [[*own, *[0.0] * (width - len(own))] for own in numbers]
        there = torch.tensor(filled, dtype=torch.float64).to(losses.device)
        for i, (step, kind) in enumerate(zip(steps, kinds, strict=True)):
            row, own = [table[i] for table in tables], there[i, : len(numbers[i])]
            if kind != self._kind and not self._captured(kind, row, own, step):
                super().run([table[i:] for table in tables], steps[i : i + 1], losses[i:])
                continue
            for place, now in zip([*self._row, self._numbers], [*row, own], strict=True):
                place.copy_(now)
            self._replay()
            self._step.moment.step = step
            losses[i].copy_(self._loss)

    def _captured(self, kind: tuple[str, ...], row: list[torch.Tensor], own: torch.Tensor, step: int) -> bool:
        """Capture a step of another kind; return whether it could be done."""
        if self.why_not or self.captures == _CAPTURES:
            return False
        self._row, self._numbers = [now.clone() for now in row], own.clone()
        self._step.moment.step = step
        try:
            self._replay, self._loss = self._recorder.capture(self._from_memory)
        except RuntimeError as error:
            self._kind, self.why_not = None, str(error).partition("\n")[0] or type(error).__name__
            return False
        self._kind, self.captures = kind, self.captures + 1
        return True

    def _from_memory(self) -> torch.Tensor:
        """Make a step whose row and numbers are those in the fixed places."""
        numbers: Iterator[torch.Tensor] = iter(self._numbers.unbind())
        return self._step(self._row, lambda _: next(numbers))

    def _told(self, step: int) -> tuple[tuple[str, ...], list[float]]:
        """Return the kind of a step, and the numbers it uses, in order: keys of layers, then the rule's."""
        moment = self._step.moment
        drawn = [half for names in moment.drawn for half in halves(key(moment.seed, *names, step))]
        kind, numbers = self._step.rule.numbers(step)
        return kind, [*map(float, drawn), *numbers]

    def __str__(self) -> str:
        return super().__str__() + f", as {self.why_not}" if self.why_not else "captured as a graph"


class CudaRecorder:
    """PyTorch's CUDA graphs, on a stream of their own, as no capture is possible on the default one."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = torch.cuda.Stream(device)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """The stream, on which all tensors of a step are then made and freed."""
        here = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(here)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            here.wait_stream(self._stream)

    def capture(self, work: DeviceWork) -> tuple[Callable[[], object], torch.Tensor]:
        """With a memory pool of the graph's own."""
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile: under "global" what they call could end the capture.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            result = work()
        return graph.replay, result
