"""The plans of one program, linked to its memory."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakMethod

from koubai.engines.engine import Observation
from koubai.engines.native.backends.backend import Backend
from koubai.engines.native.blueprint import Blueprint, PlanSet
from koubai.engines.native.compiling import COMPILING
from koubai.engines.native.kernels.block import Pointer
from koubai.engines.native.link import Linked
from koubai.engines.native.memory import Places, ProgramMemory
from koubai.engines.native.tap_reader import TapReader


class Links:
    """Every plan is linked when it is first asked for; `known` tells what the known places stand for.

    It is a method of the program that holds these links, and must not hold the program in turn.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        memory: ProgramMemory,
        backend: Backend,
        known: WeakMethod[Callable[[], dict[Pointer, int]]],
    ) -> None:
        self._blueprint, self._memory, self._backend, self._known = blueprint, memory, backend, known
        self._linked: dict[str, Linked] = {}
        self._readers: dict[str, TapReader] = {}

    def clear(self) -> None:
        """Forget all links: what is known lies elsewhere now."""
        self._linked.clear()
        self._readers.clear()

    @property
    def training(self) -> Linked:
        """The plan of a training step."""
        return self._link(self._blueprint.training())

    def tapped(self, observation: Observation) -> Linked:
        """The plan of a training step that is tapped."""
        return self._link(self._blueprint.tapped(units=observation.units))

    def predicting(self, rows: int) -> Linked:
        """The plan that answers so many samples."""
        return self._link(self._blueprint.predicting(rows))

    def reader(self, observation: Observation) -> TapReader:
        """What reads the taps of a plan."""
        plans = self.tapped(observation).plans
        if plans.kind not in self._readers:
            assert plans.taps is not None  # a tapped plan has taps
            self._readers[plans.kind] = TapReader(
                plans.taps.taps, plans.taps.numbers, plans.plans[0].shard.workers
            )
        return self._readers[plans.kind]

    def _link(self, plans: PlanSet) -> Linked:
        if plans.kind not in self._linked:
            shared = self._blueprint.store.shared_bytes.get(plans.kind, 0)
            places, known = Places(self._memory, plans, shared), self._known()
            assert known is not None  # the program is there: it asks
            with COMPILING:
                self._linked[plans.kind] = Linked(plans, places, known(), self._backend)
        return self._linked[plans.kind]
