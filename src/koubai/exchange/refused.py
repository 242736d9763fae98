"""Why a module of PyTorch, or a node of ONNX, cannot be a layer of koubai."""

from __future__ import annotations


class NotExchangeable(Exception):
    """A setting as it stands there; empty: the module or the operator itself."""


def need(fits: object, setting: str) -> None:
    """Refuse a setting unless it fits."""
    if not fits:
        raise NotExchangeable(setting)
