"""The backend for machines without oneDNN."""

from __future__ import annotations

from koubai.engines.native.backends.blas.convolve import ConvolveOp
from koubai.engines.native.backends.blas.library import sgemm, title
from koubai.engines.native.backends.blas.linear import LinearOp
from koubai.engines.native.backends.blas.runner import ThreadRunner
from koubai.engines.native.ops import OPS

_SHARD_GRADIENTS = 1 << 28  # parameters, once a shard: a gradient of each shard is kept, a GiB at most


class BlasBackend:
    """Numba kernels, and the products of SciPy's BLAS."""

    name, has_bfloat16 = "blas", False
    ops = OPS | {"linear": LinearOp(), "convolve": ConvolveOp()}

    def __init__(self) -> None:
        sgemm()

    @property
    def title(self) -> str:
        """What computes products."""
        return title()

    def shards(self, threads: int, parameters: int) -> int:
        """One a thread, as far as the gradients of all shards fit into memory."""
        return min(threads, max(1, _SHARD_GRADIENTS // max(1, parameters)))

    def team(self, threads: int) -> int:
        """Only shards share work."""
        return 1

    def compiling(self, team: int) -> None:
        """Nothing depends on it."""

    def runner(self, shards: int, team: int) -> ThreadRunner:
        """Threads of Python."""
        return ThreadRunner(shards)
