"""Blueprint: everything about a job that can be shared by programs: graph, forms of parameters, plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod

from koubai.engines.native import arena
from koubai.engines.native.backends.find import backend_named
from koubai.engines.native.builder import GraphBuilder
from koubai.engines.native.compiling import COMPILING
from koubai.engines.native.fuse import fuse
from koubai.engines.native.graph import Graph, Value
from koubai.engines.native.instructions import BatchShard, Buffer
from koubai.engines.native.kernels.optimizers import OPTIMIZERS
from koubai.engines.native.plan import ShardPlan
from koubai.engines.native.shards import most_shards
from koubai.engines.native.step import NoKernel, emit_prediction, emit_step
from koubai.engines.native.store import ParameterStore
from koubai.engines.native.structure import Structure
from koubai.engines.native.taps import Taps

KEPT = 64  # blueprints, those used last; small ones are about half a megabyte each
_PREDICT_BYTES, _PREDICT_ROWS = 1 << 26, 250  # of the largest tensor; for each thread of a team


@dataclass
class PlanSet:
    """The plans of all shards for one purpose, with the memory they need."""

    kind: str
    plans: list[ShardPlan]
    arena_bytes: list[int]
    scratch_bytes: int
    loss_parts: Buffer | None = None
    taps: Taps | None = None


class Blueprint:
    """Made once for each structure; plans for taps and predictions are made when first asked for."""

    def __init__(self, structure: Structure) -> None:
        self.structure, self.backend = structure, backend_named(structure.backend)
        self._sets: dict[str, PlanSet] = {}
        self._plan_all()

    def _plan_all(self) -> None:
        """Plan the training step; a layer for which there is no fast way gets its formula."""
        formulas: dict[str, str] = {}
        while True:
            self.graph = GraphBuilder(self.structure.network, formulas).graph()
            self.fused = fuse(self.graph)
            self.store = ParameterStore(self.structure.network)
            try:
                self._sets["train"] = self._plan(
                    "train", self.fused, partial(emit_step, structure=self.structure)
                )
            except NoKernel as error:
                formulas[error.path] = error.why
            else:
                self.store.close()
                return

    @property
    def shards(self) -> int:
        """Shards of a training step; a program that returns to Python has one."""
        s = self.structure
        in_python = any(node.op == "formula" for node in self.graph.nodes) or s.penalties is None
        in_python = in_python or not s.loss_has_kernel or s.optimizer not in OPTIMIZERS
        paying = self.backend.shards(s.threads, s.network.parameter_count)
        return 1 if in_python else min(paying, most_shards(s.batch_size))

    def batch_shards(self) -> list[BatchShard]:
        """How the batch is divided."""
        s, shards = self.structure, self.shards
        team = self.backend.team(s.threads) if shards == 1 else 1
        cuts = [s.batch_size * shard // shards for shard in range(shards + 1)]
        return [
            BatchShard(cuts[shard + 1] - cuts[shard], cuts[shard], s.batch_size, shard, shards, team)
            for shard in range(shards)
        ]

    def _plan(
        self,
        kind: str,
        graph: Graph,
        emit: Callable[[ShardPlan], Buffer | None],
        shards: list[BatchShard] | None = None,
    ) -> PlanSet:
        shards = shards or self.batch_shards()
        self.backend.compiling(shards[0].team)
        plans, loss = [], None
        for shard in shards:
            s = self.structure
            plan = ShardPlan(kind, graph, shard, self.store, self.backend.ops, half=s.half, exact=s.exact)
            loss = emit(plan)
            plans.append(plan)
        scratch = [i.scratch_bytes for plan in plans for i in plan.instructions]
        sizes = [arena.assign(plan.instructions) for plan in plans]
        return PlanSet(kind, plans, sizes, max(scratch, default=0), loss)

    def training(self) -> PlanSet:
        """Plans of an ordinary training step."""
        return self._sets["train"]

    def tapped(self, *, units: bool) -> PlanSet:
        """Plans of a training step with taps."""
        kind = "tapped with units" if units else "tapped"
        with COMPILING:
            if kind not in self._sets:
                emitted: list[Taps] = []
                graph = fuse(self.graph, tapped=True)

                def emit(plan: ShardPlan) -> Buffer:
                    plan.taps = Taps(graph, self.structure.network, units=units)
                    plan.needing = Taps.needing(graph) - graph.before_parameters()
                    emitted.append(plan.taps)
                    return emit_step(plan, self.structure)

                self._sets[kind] = self._plan(kind, graph, emit)
                self._sets[kind].taps = emitted[0]
            return self._sets[kind]

    def predicting(self, rows: int) -> PlanSet:
        """Plan of a forward pass on at most `rows` samples, as at test time."""
        kind = f"predict {rows}"
        with COMPILING:
            if kind not in self._sets:
                shard = BatchShard(rows, 0, rows, team=self.backend.team(self.structure.threads))
                self._sets[kind] = self._plan(kind, self.fused, emit_prediction, [shard])
            return self._sets[kind]

    def predict_rows(self, count: int) -> int:
        """Samples that one forward pass takes, for `count` to predict: few sizes, so that few are planned."""
        largest = max(prod(value.shape) for value in _values(self.graph))
        team = self.backend.team(self.structure.threads)
        most = max(1, min(_PREDICT_ROWS * team, _PREDICT_BYTES // (4 * largest)))
        return next((rows for rows in (1, 16, 128) if count <= rows <= most), most)


def _values(graph: Graph) -> list[Value]:
    return [graph.input, *(node.output for node in graph.nodes)]


@lru_cache(maxsize=KEPT)
def _cached(structure: Structure) -> Blueprint:
    return Blueprint(structure)


def blueprint(structure: Structure) -> Blueprint:
    """Return the blueprint of a structure, made at most once."""
    with COMPILING:
        return _cached(structure)
