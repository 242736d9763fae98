"""Listing: a program as text that a reader can follow."""

from __future__ import annotations

from koubai.core.params import Array
from koubai.engines.native import arena
from koubai.engines.native.instructions import Instruction, Python
from koubai.engines.native.link import Linked
from koubai.engines.native.memory import ProgramMemory
from koubai.network.network import Network

_MIB = 1 << 20
_OF_LAYERS = ("forward", "backward", "tap")
_HEAD = ("", "layer", "part", "runs", "as", "layouts", "KiB", "time", "why")


def listing(
    linked: Linked, memory: ProgramMemory, network: Network, title: str, shares: Array | None = None
) -> str:
    """Return a line for each row of a step: layer, direction, what runs, layouts, bytes, share of the time.

    `shares` are the parts of the step's time that rows took in a profile.
    """
    layers = {cell.path: type(cell.layer).__name__ for cell in network.root.walk()}
    head = _HEAD if shares is not None else tuple("" if word == "time" else word for word in _HEAD)
    rows = [_cells(i, instruction, layers, shares) for i, instruction in enumerate(linked.instructions)]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join([*_summary(linked, memory, title, shares), *lines, *_notes(linked, network)])


def _summary(linked: Linked, memory: ProgramMemory, title: str, shares: Array | None) -> list[str]:
    shard, plans = linked.plans.plans[0].shard, linked.plans
    who = (
        f"{shard.shards} shards side by side, each with {shard.rows} of {shard.batch} samples and one thread"
        if shard.shards > 1
        else f"one shard, {shard.team} thread{'s' if shard.team > 1 else ''}"
    )
    alone = sum(arena.total(plan.instructions) for plan in plans.plans) / _MIB
    buffers, scratch = sum(plans.arena_bytes) / _MIB, plans.scratch_bytes * len(plans.plans) / _MIB
    held = memory.parameter_bytes / _MIB
    lines = [
        f"native engine: {title}; {who}",
        f"memory: {held + buffers + scratch:.1f} MiB at the peak: weights, gradients and slots {held:.1f}, "
        f"the step's buffers {buffers:.1f} ({alone:.1f} if none shared memory), scratch {scratch:.1f}",
    ]
    if shares is not None:
        times: dict[str, float] = {}
        for share, instruction in zip(shares, linked.instructions, strict=True):
            times[instruction.role] = times.get(instruction.role, 0) + share
        lines.append("time: " + ", ".join(f"{role} {share:.1%}" for role, share in times.items()))
    return lines


def _cells(number: int, i: Instruction, layers: dict[str, str], shares: Array | None) -> tuple[str, ...]:
    time = "" if shares is None else f"{shares[number]:.1%}"
    layer = f"{i.path} {layers[i.path]}".strip() if i.path in layers and i.role in _OF_LAYERS else "-"
    touched = set(i.buffers())
    kib = f"{sum(buffer.nbytes for buffer in touched) / 1024:.0f}" if touched else ""
    return (str(number), layer, i.role, *i.describe(), kib, time, i.why)


def _notes(linked: Linked, network: Network) -> list[str]:
    formulas = [i for i in linked.instructions if isinstance(i, Python)]
    seen = {i.path for i in linked.instructions}
    silent = [f"{leaf.path} {type(leaf.layer).__name__}" for leaf in network.leaves if leaf.path not in seen]
    notes = [f"reference formula: layer {i.path or '-'}, {i.role}: {i.why}" for i in formulas]
    if silent and not formulas:
        notes.append(f"no row of their own (part of a neighbor, or nothing to move): {', '.join(silent)}")
    return notes
