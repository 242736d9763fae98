"""A reference formula inside a PyTorch graph: NumPy forward, NumPy backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from koubai.core.layer import Cell
from koubai.core.params import Array
from koubai.network.network import Weights, bind, join


def run_formula(cell: Cell, x: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return y of `cell` by its NumPy formula, as a differentiable function of x and of `tensors`.

    Half precision is for products: here x becomes float32, and NumPy has no bfloat16.
    `tensors` holds every parameter and buffer at and below the cell, by path from the cell. Buffers that
    the formula changes are written back. The cell keeps what its backward needs, so each call needs one
    of its own.
    """
    x = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    trained = [name for name, tensor in tensors.items() if tensor.requires_grad]
    return _Formula.apply(cell, x, tensors, trained, *(tensors[name] for name in trained))


class _Formula(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        x: torch.Tensor,
        tensors: Mapping[str, torch.Tensor],
        trained: list[str],
        *_: torch.Tensor,
    ) -> torch.Tensor:
        """Bind the arrays, run the formula, write changed buffers back."""
        ctx.cell, ctx.trained, ctx.root = cell, trained, cell.path
        arrays = {join(cell.path, name): to_array(tensor) for name, tensor in tensors.items()}
        bind(cell, Weights(arrays, arrays))
        y = cell.layer.forward(cell, to_array(x))
        for part in cell.walk():
            for name, buffer in part.buffers.items():
                tensors[_below(cell.path, join(part.path, name))].copy_(torch.from_numpy(buffer))
        return torch.from_numpy(np.ascontiguousarray(y)).to(x)

    @staticmethod
    def backward(ctx: Any, *dy: torch.Tensor) -> tuple[Any, ...]:
        """Run the formula's backward; hand its gradients to PyTorch."""
        dx = ctx.cell.layer.backward(ctx.cell, to_array(dy[0]))
        gradients = {
            _below(ctx.root, join(part.path, name)): g
            for part in ctx.cell.walk()
            for name, g in part.grads.items()
        }
        as_tensors = (
            torch.from_numpy(np.ascontiguousarray(g)).to(dy[0])
            for g in (dx, *(gradients[name] for name in ctx.trained))
        )
        first, *rest = as_tensors
        return None, first, None, None, *rest


def to_array(tensor: torch.Tensor) -> Array:
    """Return a tensor as a NumPy array: the same memory on a CPU, a copy from elsewhere."""
    array: Array = tensor.detach().cpu().numpy()
    return array


def _below(root: str, path: str) -> str:
    return path.removeprefix(f"{root}.") if root else path
