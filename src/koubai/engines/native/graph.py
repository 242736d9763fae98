"""Graph: what a network asks of the engine, verb by verb, before anything is said about memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from koubai.core.params import Shape


class Unsupported(Exception):
    """There is no (fast) way to compute what was asked for; the layer's formula runs instead."""

    why = ""  # for whoever reads a listing, where the message is for us


@dataclass(eq=False)
class Value:
    """A tensor between two verbs; `shape` is without the batch axis."""

    shape: Shape
    node: Node | None = None

    def __repr__(self) -> str:
        return f"{self.node.op if self.node else 'input'}{self.shape}"


@dataclass(frozen=True)
class Stored:
    """A parameter or buffer by its path, as a lowering holds it."""

    path: str
    shape: Shape
    trained: bool


@dataclass(eq=False)
class Node:
    """One verb at one place: its inputs, the parameters and buffers it reads, its settings, its output."""

    op: str
    path: str
    inputs: tuple[Value, ...]
    output: Value
    stored: dict[str, Stored] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.output.node = self

    @property
    def trains(self) -> bool:
        """Whether it has trained parameters."""
        return any(stored.trained for stored in self.stored.values())


@dataclass(eq=False)
class Graph:
    """Nodes in forward order; `leaves` gives the output of each leaf layer by its path."""

    input: Value
    output: Value
    nodes: list[Node]
    leaves: dict[str, Value]

    def users(self, value: Value) -> list[Node]:
        """The nodes that read a value."""
        return [node for node in self.nodes if value in node.inputs]

    def backward(self) -> Iterator[Node]:
        """Nodes in the order of back-propagation."""
        return reversed(self.nodes)

    def before_parameters(self) -> set[Value]:
        """The values before the first trained parameter: the data, in another form."""
        return {node.output for node in takewhile(lambda node: not node.trains, self.nodes)}

    def needing_gradient(self) -> set[Value]:
        """The values on which some trained parameter acts before them."""
        needing: set[Value] = set()
        for node in self.nodes:
            if node.trains or any(x in needing for x in node.inputs):
                needing.add(node.output)
        return needing
