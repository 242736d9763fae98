"""The floor: what a training step must compute and move, whoever does it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from koubai_benchmarks.speed.machine import Machine
from koubai_benchmarks.speed.workload import Workload

_BYTES = {"float32": 4, "bfloat16": 2}
_IN_PLACE = {"relu", "sigmoid", "dropout", "flatten"}  # can live in the memory of the layer before


@dataclass(frozen=True)
class Floor:
    """What one step of a workload needs.

    | field | meaning                                                                                       |
    |-------|-----------------------------------------------------------------------------------------------|
    | flops | 2 x multiply-adds: forward, gradient of weights, gradient of inputs (but of the first layer)  |
    | bytes | weights and optimizer tensors read and written once, the batch read once, every output that   |
    |       | backward needs written once and read once; less reaches memory where a cache holds it         |
    """

    flops: int
    bytes: int

    def milliseconds(self, machine: Machine, precision: str) -> tuple[float, float]:
        """Return the times for computing and for moving, at the measured peaks."""
        peak = machine.gflops.get(precision, float("nan"))
        return self.flops / peak / 1e6, self.bytes / machine.gigabytes_per_second / 1e6


def floor_of(workload: Workload) -> Floor:
    """Return the floor of a workload.

    >>> from koubai_benchmarks.speed.workload import WORKLOADS
    >>> round(floor_of(WORKLOADS["mlp"]).flops / 1e6, 1)
    13.1
    """
    network, batch = workload.network, workload.batch_size
    per_layer = [cell.layer.multiply_adds(cell.in_shape) for cell in network.leaves]
    working = [count for count in per_layer if count]
    flops = 2 * batch * (3 * sum(working) - working[0])
    state = network.parameter_count * 4 * 2 * (1 + len(workload.optimizer.slots))
    kept = sum(prod(cell.out_shape) for cell in network.leaves if cell.layer.registry_name not in _IN_PLACE)
    batch_bytes = batch * (prod(workload.in_shape) + 2 * kept) * _BYTES[workload.precision]
    return Floor(flops, state + batch_bytes)
