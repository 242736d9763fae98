"""Programs that take the same steps with the same batches, run as one.

x is drawn once, and the first layers multiply at once. Only how it is computed changes: each program keeps
memory, tables, rates, losses and taps of its own, and has the bits that it has alone (kernels/strips.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar
from weakref import WeakKeyDictionary, ref

import numpy as np

from koubai.core.params import Array
from koubai.engines.native.first_layer import FirstLayer, Product
from koubai.engines.native.kernels.block import addresses, record
from koubai.engines.native.kernels.strips import strips_of
from koubai.engines.native.kernels.together import (
    Arms,
    Joint,
    linear_arms,
    linear_arms_weights,
    together_address,
)
from koubai.engines.native.link import Linked, Running

T = TypeVar("T")


def alone(running: Running[T]) -> T:
    """Run what it hands over; return what comes of it."""
    return together([running])[0]


def together(running: Sequence[Running[T]]) -> list[T]:
    """Do several pieces of work; what they hand over at a time runs as one where it can, else one by one."""
    results: dict[int, T] = {}
    waiting: dict[int, Linked] = {}
    for number in range(len(running)):
        _go_on(running, number, waiting, results)
    while waiting:
        try:
            _run(list(waiting.values()))
        except BaseException as error:
            for number in waiting:
                with suppress(type(error)):  # each notes where it stands
                    running[number].throw(error)
            raise
        for number in list(waiting):
            _go_on(running, number, waiting, results)
    return [results[number] for number in range(len(running))]


def _go_on(
    running: Sequence[Running[T]], number: int, waiting: dict[int, Linked], results: dict[int, T]
) -> None:
    waiting.pop(number, None)
    try:
        waiting[number] = next(running[number])
    except StopIteration as end:
        results[number] = end.value


def _run(plans: list[Linked]) -> None:
    layers = alike(plans)
    if layers is not None:
        steps = min(plan.get("steps") - plan.get("step") for plan in plans)
        ahead = [slice(plan.get("step"), plan.get("step") + steps) for plan in plans]
        pairs = list(zip(plans, ahead, strict=True))
        if _equal([plan.indices[part] for plan, part in pairs]) and _equal(
            [plan.flags[part] for plan, part in pairs]
        ):
            for plan, part in pairs:
                plan.set(steps=part.stop)
            _run_as_one(plans, layers)
            return
    for plan in plans:
        plan.run_shards()


def alike(plans: Sequence[Linked]) -> list[FirstLayer] | None:
    """The first layers of several plans that can run as one; None where these cannot."""
    layers = [layer for plan in plans if (layer := plan.first_layer) is not None]
    as_many = len(plans) == len(layers) > 1
    return layers if as_many and len({layer.kind for layer in layers}) == 1 else None


def _equal(arrays: list[Array]) -> bool:
    first = arrays[0]
    return all(a.ctypes.data == first.ctypes.data or np.array_equal(a, first) for a in arrays[1:])


class AsOne:
    """Plans of equal kind, run as one. It holds none of them, and is theirs while all are there."""

    def __init__(self, plans: Sequence[Linked], layers: Sequence[FirstLayer]) -> None:
        self._plans = [ref(plan) for plan in plans]
        self._held: list[Array] = []
        blocks = zip(*(layer.blocks for layer in layers), strict=True)
        forward, *weights = (list(of_all) for of_all in blocks)
        kernels = [(linear_arms.address, self._arms(forward, train=False))]
        kernels += [(linear_arms_weights.address, self._arms(of_all, train=True)) for of_all in weights]
        shards = [addresses(plan.places.shards)[0] for plan in plans]
        stops = [(*layer.rows, len(plan.shards[0].table)) for plan, layer in zip(plans, layers, strict=True)]
        places = [self._hold(np.array(numbers, np.int64)) for numbers in (shards, stops, kernels)]
        joint = Joint(places[0], places[1], places[2], len(plans), len(stops[0]))
        self._joint = self._hold(np.array([joint], record(Joint)))

    def is_of(self, plans: Sequence[Linked]) -> bool:
        """Whether these are the plans."""
        return [at() for at in self._plans] == list(plans)

    def run(self, first: Linked) -> None:
        """Run them from where they stand."""
        first.run_instead(together_address(), self._joint)

    def _arms(self, blocks: Sequence[Product], *, train: bool) -> int:
        """The block of a product of all."""
        weights, biases, ys = ([b[n] for b in blocks] for n in (1, 2, 3))
        b, nothing = blocks[0], [0] * len(blocks)
        matrices = (ys, nothing, weights) if train else (weights, biases, ys)
        strips = strips_of(b.G, *matrices)
        sums = self._hold(np.array(list(zip(ys, biases, strict=True)), np.int64))
        arms = Arms(b.x, self._hold(strips), len(strips), b.rows, b.F, b.G, len(blocks), sums)
        return self._hold(np.array([arms], record(Arms)))

    def _hold(self, numbers: Array) -> int:
        """Keep an array; return where it lies."""
        self._held.append(numbers)
        return int(numbers.ctypes.data)


_KNOWN: WeakKeyDictionary[Linked, AsOne] = WeakKeyDictionary()  # by the first plan, as last run with others


def _run_as_one(plans: list[Linked], layers: list[FirstLayer]) -> None:
    found = _KNOWN.get(plans[0])
    if found is None or not found.is_of(plans):
        found = _KNOWN[plans[0]] = AsOne(plans, layers)
    found.run(plans[0])
