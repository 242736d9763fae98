"""The backend of oneDNN: its primitives, and koubai's kernels in the same OpenMP threads."""

from __future__ import annotations

import ctypes

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.backends.meeting import Meeting
from koubai.engines.native.backends.onednn import primitives
from koubai.engines.native.backends.onednn.convolve import ConvolveOp
from koubai.engines.native.backends.onednn.library import OneDnn, library, title
from koubai.engines.native.backends.onednn.linear import LinearOp
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.block import addresses
from koubai.engines.native.ops import OPS

_MAX_SHARD_PARAMETERS = 2_000_000  # above, a gradient a shard costs more than the barriers that shards save


class OneDnnBackend:
    """Primitives of oneDNN."""

    name, has_bfloat16 = "onednn", True
    ops = OPS | {"linear": LinearOp(), "convolve": ConvolveOp()}

    def __init__(self) -> None:
        self._library = library()

    @property
    def title(self) -> str:
        """What computes products."""
        return title()

    def shards(self, threads: int, parameters: int) -> int:
        """One a thread for a small network; the threads of a large one share its primitives."""
        return threads if parameters <= _MAX_SHARD_PARAMETERS else 1

    def team(self, threads: int) -> int:
        """All threads."""
        return threads

    def compiling(self, team: int) -> None:
        """A primitive is made for a number of threads."""
        self._library.set_threads(team)

    def runner(self, shards: int, team: int) -> OpenMpRunner:
        """Threads of GCC's OpenMP, the ones of oneDNN."""
        return OpenMpRunner(self._library, shards, team)


class OpenMpRunner:
    """Runs shards, or a shard with a team, in the threads of libgomp."""

    def __init__(self, library: OneDnn, shards: int, team: int) -> None:
        self._library, self._shards, self._team = library, shards, team
        self._meeting = Meeting(shards)

    def fields(self) -> dict[str, int]:
        """Addresses of the functions of both libraries."""
        functions = {
            "execute": self._library.dnnl.dnnl_primitive_execute,
            "parallel": self._library.gomp.GOMP_parallel,
            "thread_number": self._library.gomp.omp_get_thread_num,
            "team_size": self._library.gomp.omp_get_num_threads,
        }
        addresses = {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in functions.items()}
        crew = loop.crew_address() if self._team > 1 else 0
        return addresses | self._meeting.fields() | {"crew": crew, "stream": primitives.stream().value or 0}

    def run(self, shards: Array) -> None:
        """Run every shard to its end."""
        self._library.set_threads(self._team)
        self._meeting.open()
        if self._shards == 1:
            loop.call(loop.run_address(), shards.ctypes.data)
        else:
            data = np.array(addresses(shards), np.int64)
            self._library.run_side_by_side(loop.side_by_side_address(), data.ctypes.data, self._shards)

    def call(self, function: int, data: int) -> None:
        """Call a function that runs a single shard in another way."""
        self._library.set_threads(self._team)
        loop.call(function, data)
