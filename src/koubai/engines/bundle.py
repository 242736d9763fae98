"""A bundle: programs that take the same steps with the same batches, and compute what is common at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from koubai.core.params import Array
from koubai.data.levels import Inputs
from koubai.engines.engine import Observation, OnTap, Program

if TYPE_CHECKING:
    from koubai.engines.native.program import NativeProgram


def bundle_of(programs: Sequence[Program]) -> Bundle | None:
    """Return a bundle of programs; None where they would gain nothing by it.

    They gain where all are native, with one thread, and begin with dense layers of one size that take the
    same data.
    """
    if any(program.engine != "native" for program in programs):
        return None
    from koubai.engines.native.program import NativeProgram
    from koubai.engines.native.together import alike

    native = [program for program in programs if isinstance(program, NativeProgram)]
    plans = [program.training_plan for program in native if not program.job.augment]
    return Bundle(native) if len(plans) == len(programs) and alike(plans) is not None else None


class Bundle:
    """Programs of a bundle. Each has the state, losses, taps and answers that it has alone, bit for bit."""

    def __init__(self, programs: Sequence[NativeProgram]) -> None:
        self._programs = list(programs)

    def __len__(self) -> int:
        return len(self._programs)

    def advance(
        self, numbers: Sequence[int], indices: Array, observation: Observation, on_taps: Sequence[OnTap]
    ) -> list[Array]:
        """Advance the programs of these numbers; return the losses of each."""
        from koubai.engines.native.together import together

        with ExitStack() as turns:
            programs = self._entered(numbers, turns)
            pairs = zip(programs, on_taps, strict=True)
            return together([program.advancing(indices, observation, on_tap) for program, on_tap in pairs])

    def predict(self, numbers: Sequence[int], x: Inputs) -> list[Array]:
        """Return what each of these programs answers to inputs x."""
        from koubai.engines.native.together import together

        with ExitStack() as turns:
            return together([program.predicting(x) for program in self._entered(numbers, turns)])

    def _entered(self, numbers: Sequence[int], turns: ExitStack) -> list[NativeProgram]:
        """These programs, once it is our turn with each."""
        programs = [self._programs[number] for number in numbers]
        for program in programs:
            turns.enter_context(program.turn)
        return programs
