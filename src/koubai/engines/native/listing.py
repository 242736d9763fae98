"""Listing: a program as text that a reader can follow."""

from __future__ import annotations

from koubai.core.params import Array
from koubai.engines.native import arena
from koubai.engines.native.instructions import At, Buffer, Instruction, Tensor
from koubai.engines.native.kernels.loop import BARRIER, LOSS
from koubai.engines.native.link import Linked
from koubai.engines.native.memory import Memory

_MIB = 1 << 20


def listing(linked: Linked, memory: Memory, title: str, shares: Array | None = None) -> str:
    """Return a line for each row of a step: layer, direction, what runs, layouts, bytes, share of the time.

    `shares` are the parts of the step's time that rows took in a profile.
    """
    rows = [_cells(i, instruction, shares) for i, instruction in enumerate(linked.instructions)]
    head = ("", "layer", "part", "runs", "as", "layouts", "KiB", "time" if shares is not None else "", "why")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join([*_summary(linked, memory, title), *lines, *_notes(linked)])


def _summary(linked: Linked, memory: Memory, title: str) -> list[str]:
    part, plans = linked.plans.plans[0].part, linked.plans
    who = (
        f"{part.lanes} lanes side by side, each with {part.rows} of {part.batch} samples and one thread"
        if part.lanes > 1
        else f"one lane, {part.team} thread{'s' if part.team > 1 else ''}"
    )
    alone = sum(arena.total(plan.instructions) for plan in plans.plans)
    held, scratch = sum(plans.arena_bytes), plans.scratch_bytes * len(plans.plans)
    parameters = memory.nbytes / _MIB
    return [
        f"native engine: {title}; {who}",
        f"memory: {parameters:.1f} MiB in all; the step's buffers take {held / _MIB:.1f} MiB, "
        f"{alone / _MIB:.1f} MiB without sharing; scratch {scratch / _MIB:.1f} MiB",
    ]


def _cells(number: int, i: Instruction, shares: Array | None) -> tuple[str, ...]:
    time = "" if shares is None else f"{100 * shares[number]:.1f}%"
    return (str(number), i.path or "-", i.role, *_what(i), _layouts(i), _kib(i), time, i.why)


def _what(i: Instruction) -> tuple[str, str]:
    """(operation, implementation)."""
    if i.primitive is not None:
        return i.primitive.kind, f"oneDNN {i.primitive.implementation}"
    if i.kernel is not None:
        return i.kernel.name, f"kernel, {i.kernel.calls}" if i.kernel.calls else "kernel"
    if i.python is not None:
        return i.python[0], "reference formula"
    return {BARRIER: "barrier", LOSS: "loss"}.get(i.kind, ""), "loop"


def _layouts(i: Instruction) -> str:
    if i.primitive is not None:
        names = [md.describe() for name, (_, md) in i.memories.items() if "bias" not in name]
    else:
        names = [str(a.layout) for a in i.arguments if isinstance(a, Tensor)]
    return ", ".join(dict.fromkeys(names))


def _kib(i: Instruction) -> str:
    """What the row touches."""
    buffers: set[Buffer] = {
        a.buffer if isinstance(a, Tensor | At) else a
        for a in i.arguments
        if isinstance(a, Tensor | At | Buffer)
    }
    buffers |= {buffer for buffer, _ in i.memories.values()}
    return f"{sum(buffer.nbytes for buffer in buffers) / 1024:.0f}" if buffers else ""


def _notes(linked: Linked) -> list[str]:
    formulas = [i for i in linked.instructions if i.python is not None]
    return [f"reference formula: layer {i.path or '-'}, {i.role}: {i.why}" for i in formulas]
