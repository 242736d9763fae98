"""Editing a tree of layers: a function sees each leaf in forward order and says what takes its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from koubai.core.layer import Layer
from koubai.initializers.constant import Zeros
from koubai.layers.activations import Activation
from koubai.layers.concatenate import Concatenate
from koubai.layers.convolution import SlidesFilters
from koubai.layers.linear import Linear
from koubai.layers.residual import Residual
from koubai.layers.sequential import Sequential
from koubai.models.model import Model

LeafEdit = Callable[[Layer], list[Layer]]


def everything(layer: Layer) -> Iterator[Layer]:
    """Yield a layer and all below it, in forward order."""
    yield layer
    for child in layer.children().values():
        yield from everything(child)


def leaves(layer: Layer) -> Iterator[Layer]:
    """Yield the layers that hold a formula of their own, in forward order."""
    return (below for below in everything(layer) if not below.children())


def is_weighted(layer: Layer) -> bool:
    """Whether a layer is linear or a convolution."""
    return isinstance(layer, Linear | SlidesFilters)


def is_activation(layer: Layer) -> bool:
    """Whether a layer is an activation that does something."""
    return isinstance(layer, Activation) and not layer.affine


def shapes_output(layer: Layer) -> bool:
    """Whether a layer behind the last weighted one decides what kind of numbers the network puts out."""
    return is_activation(layer) or layer.gives != "values"


def rewrite(layer: Layer, edit: LeafEdit) -> Layer:
    """Return the tree with each leaf replaced by the layers that `edit` gives for it."""
    edited = _rewritten(layer, edit)
    return edited[0] if len(edited) == 1 and edited[0].children() else Sequential(*edited)


def rewrite_hidden(layer: Layer, edit: LeafEdit) -> Layer:
    """Rewrite the leaves before the last weighted layer; leave that one and what follows alone."""
    last = _last_weighted(layer)
    return rewrite(layer, _by_position(lambda i, leaf: edit(leaf) if i < last else [leaf]))


def rewrite_output(layer: Layer, edit: LeafEdit) -> Layer:
    """Rewrite the leaves behind the last weighted layer only."""
    last = _last_weighted(layer)
    return rewrite(layer, _by_position(lambda i, leaf: edit(leaf) if i > last else [leaf]))


def output_activations(layer: Layer) -> list[Layer]:
    """Return the activations (and softmax) behind the last weighted layer."""
    all_leaves = list(leaves(layer))
    behind = all_leaves[_last_weighted(layer) + 1 :]
    return [leaf for leaf in behind if shapes_output(leaf)]


def hidden_activations(layer: Layer) -> list[Activation]:
    """Return the activations before the last weighted layer."""
    hidden = list(leaves(layer))[: _last_weighted(layer)]
    return [leaf for leaf in hidden if isinstance(leaf, Activation) and is_activation(leaf)]


def with_default_init(layer: Layer) -> Layer:
    """Return the tree with every weighted layer's own initializers taken away (biases start at 0)."""

    def edit(leaf: Layer) -> list[Layer]:
        if isinstance(leaf, Linear | SlidesFilters):
            return [leaf.with_field("weight_init", None).with_field("bias_init", Zeros())]
        return [leaf]

    return rewrite(layer, edit)


def _rewritten(layer: Layer, edit: LeafEdit) -> list[Layer]:
    if isinstance(layer, Model):
        return _rewritten(layer.tree, edit)
    if isinstance(layer, Sequential):
        return [Sequential(*(new for child in layer.layers for new in _rewritten(child, edit)))]
    if isinstance(layer, Residual):
        shortcut = None if layer.shortcut is None else _one(_rewritten(layer.shortcut, edit))
        return [Residual(_one(_rewritten(layer.body, edit)), shortcut)]
    if isinstance(layer, Concatenate):
        return [Concatenate(*(_one(_rewritten(branch, edit)) for branch in layer.branches))]
    return edit(layer)


def _one(layers: list[Layer]) -> Layer:
    return layers[0] if len(layers) == 1 else Sequential(*layers)


def _by_position(edit: Callable[[int, Layer], list[Layer]]) -> LeafEdit:
    position = -1

    def numbered(leaf: Layer) -> list[Layer]:
        nonlocal position
        position += 1
        return edit(position, leaf)

    return numbered


def _last_weighted(layer: Layer) -> int:
    positions = [i for i, leaf in enumerate(leaves(layer)) if is_weighted(leaf)]
    return positions[-1] if positions else -1
