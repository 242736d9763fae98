"""Graph: what PyTorch has noted for the backward pass, from what is differentiated to where it begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

LOOKS = (2, 6)  # updates before which the graph of a loss is looked at


def doubled(step: int) -> bool:
    """Whether a step is one of 2, 4, 8, ...: looks at these grow ever more seldom."""
    return step > 1 and step & (step - 1) == 0


def root_of(roots: Any) -> torch.Tensor | None:
    """Return the first of what a backward pass begins at; None where it has no graph."""
    root = roots[0] if isinstance(roots, list | tuple) and roots else roots
    return root if isinstance(root, torch.Tensor) and root.grad_fn is not None else None


def behind(node: Any) -> list[Any]:
    """Return the nodes right behind one that need a gradient."""
    return [below for below, _ in node.next_functions if below is not None]


def reached(starts: Iterable[Any], most: int) -> tuple[dict[Any, None], bool]:
    """Return nodes and all behind them, each once, and whether these are all: of a large graph some."""
    seen = dict.fromkeys(starts)
    waiting = list(seen)
    while waiting and len(seen) < most:
        for below in behind(waiting.pop()):
            if below not in seen:
                seen[below] = None
                waiting.append(below)
    return seen, not waiting


def leaves_among(nodes: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors at which a graph begins, among its nodes."""
    return [node.variable for node in nodes if hasattr(node, "variable")]
