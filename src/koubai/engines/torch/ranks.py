"""The ranks that torchrun starts: one process each, in one group of torch.distributed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import distributed

from koubai.core.errors import EngineError, ToldElsewhere
from koubai.engines.ranks import Ranks
from koubai.words.phrase import phrase

T = TypeVar("T")
_TELLS = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun tells its processes


class TorchRanks(Ranks):
    """The processes of torch.distributed's default group. Raises EngineError where another one has ended."""

    def __init__(self) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()

    def gather(self, value: T) -> list[T]:
        """Return what every rank gave, by rank."""
        values: list[Any] = [None] * self.size
        self._with_others(lambda: distributed.all_gather_object(values, value))
        return values

    def first(self, value: T) -> T:
        """Return what rank 0 gave."""
        values = [value]
        self._with_others(lambda: distributed.broadcast_object_list(values))
        return values[0]

    def add(self, tensor: torch.Tensor) -> None:
        """Replace a tensor by its sum over the ranks."""
        self._with_others(lambda: distributed.all_reduce(tensor))

    def _with_others(self, call: Callable[[], object]) -> None:
        try:
            call()
        except RuntimeError as error:  # of the connection: what is sent was checked before
            if self.rank:
                raise ToldElsewhere("another process of this run has ended") from error
            raise EngineError(
                "another_process_has_ended", where=phrase("rank_numbered", number="0")
            ) from error


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that torchrun started, as its environment tells, while the context lasts.

    On machines with CUDA each process takes the GPU of its number there.

    Raises:
        EngineError: a variable is missing or no number, or nobody answers at the address.
    """
    if missing := [name for name in _TELLS if not os.environ.get(name)]:
        raise EngineError(
            "torchrun_tells_too_little", where="torchrun", got=phrase("no_variable", name=missing[0])
        )
    cuda = torch.cuda.is_available()
    try:
        if cuda:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        _meet("cpu:gloo,cuda:nccl" if cuda else "gloo")
    except (ValueError, RuntimeError) as error:
        raise EngineError("processes_do_not_find_each_other", where="torchrun", got=error) from error
    try:
        yield TorchRanks()
    finally:
        distributed.destroy_process_group()


def _meet(backend: str) -> None:
    """Make the group, in a corner of torchrun's store that an earlier start has not written to.

    The store outlives processes that are started again, with the addresses where those no longer listen.
    """
    store, rank, size = next(distributed.rendezvous("env://"))
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    own = distributed.PrefixStore(f"koubai/{start}/{size}", store)
    distributed.init_process_group(backend, store=own, rank=rank, world_size=size)


class SumOverRanks(torch.autograd.Function):
    """s = sum of x over the ranks; dx = sum of ds over the ranks, for every rank's s depends on this x."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, ranks: Ranks) -> torch.Tensor:
        """Sum of x."""
        ctx.ranks, s = ranks, x.clone()
        ranks.add(s)
        return s

    @staticmethod
    def backward(ctx: Any, *ds: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Sum of ds."""
        dx = ds[0].clone()
        ctx.ranks.add(dx)
        return dx, None
