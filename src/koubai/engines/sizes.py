"""How much memory a job will take, from its shapes alone: nothing is compiled or allocated to know it."""

from __future__ import annotations

from math import prod

from koubai.core.layer import Cell
from koubai.data.levels import Levels
from koubai.engines.engine import Job
from koubai.layers.convolution import SlidesFilters
from koubai.layers.padding import padded_shape
from koubai.layers.pooling import Pooling
from koubai.layers.transposed import ConvTranspose
from koubai.network.network import Network

_BYTES = {"float32": 4, "float64": 8}
_EVALUATED = 1000  # rows the formulas take at once where no step is trained


def job_bytes(job: Job, engine: str) -> dict[str, int]:
    """Return the bytes a job holds while it trains on an engine, by what they are for.

    | part              | what it counts                                                            |
    |-------------------|---------------------------------------------------------------------------|
    | parameters        | weights and kept buffers, once more for a checkpoint or a fork            |
    | gradients         | of every parameter, for each thread that works on a part of the batch     |
    | optimizer state   | the optimizer's tensors                                                   |
    | activations       | what every layer puts out, for a batch, and gradients of it                 |
    | workspace         | padded inputs; windows laid out, where the formulas do so                 |
    | data              | inputs and targets, as they are held                                      |

    Source: the shapes of `Network`; `tests/engines/test_sizes.py` holds it against what is really allocated.
    """
    return network_bytes(
        job.network,
        batch_size=job.batch_size,
        slots=len(job.optimizer.slots),
        engine=engine,
        dtype=job.dtype,
        threads=job.threads,
        samples=len(job.t),
    ) | {"data": _held(job)}


def network_bytes(
    network: Network,
    *,
    batch_size: int,
    slots: int = 0,
    engine: str = "native",
    dtype: str = "float32",
    threads: int = 1,
    samples: int = 0,
) -> dict[str, int]:
    """Return the parts of `job_bytes` but the data; `samples` are those that are evaluated now and then."""
    size = _BYTES[dtype]
    in_python = engine != "native"
    parameters = size * network.parameter_count
    kept = size * sum(prod(spec.shape) for spec in network.buffer_specs.values())
    rows = max(batch_size, min(_EVALUATED, samples)) if in_python else batch_size
    outputs = [prod(cell.out_shape) for cell in network.leaves] or [0]
    gradients = sum(outputs) if in_python else 2 * max(outputs)  # compiled, they share memory
    values = prod(network.in_shape) + sum(outputs) + gradients
    windows = sum(_windows(cell, in_python) for cell in network.leaves)
    return {
        "parameters": 2 * (parameters + kept),
        "gradients": parameters * (1 if in_python else min(threads, batch_size)),
        "optimizer state": parameters * slots,
        "activations": size * rows * values,
        "workspace": size * rows * windows,
    }


def _windows(cell: Cell, laid_out: bool) -> int:
    """Return the numbers of one padded sample and, `laid_out`, of its windows and their gradient."""
    if not isinstance(cell.layer, SlidesFilters | Pooling):
        return 0
    window, (channels, *space), places = cell.layer.window, cell.in_shape, prod(cell.out_shape[1:])
    if isinstance(cell.layer, ConvTranspose):  # its windows lie in the output, and it has no kernel
        (channels, *space), places, laid_out = cell.out_shape, prod(cell.in_shape[1:]), True
    padded = prod(padded_shape(tuple(space), window.padding)) if any(window.padding) else 0
    columns = 2 * prod(window.kernel) * places if laid_out else 0
    return channels * (padded + columns)


def _held(job: Job) -> int:
    """Return the bytes of a job's data."""
    x = job.x.codes if isinstance(job.x, Levels) else job.x
    return int(x.nbytes + job.t.nbytes)
