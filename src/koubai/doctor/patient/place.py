"""Place: the line of the user's program that a finding is about."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A line of a file, and what stands there.

    | role       | the line                                                          |
    |------------|-------------------------------------------------------------------|
    | loss       | computes the loss                                                 |
    | optimizer  | makes the optimizer                                               |
    | update     | has the optimizer make its first update                           |
    | backward   | computes gradients                                                |
    | model      | calls the model                                                   |
    | layer      | makes the layer, or calls the function that stands for it         |
    | operation  | computes what is not finite, or is mixed among samples, first     |
    | derivative | begins a backward of the program's own                            |
    | clipping   | shortens gradients, the first time                                |
    | evaluation | calls the model in test mode or without gradients, the first time |
    """

    file: str
    line: int
    role: str

    @property
    def shown(self) -> str:
        """file:line, relative to the folder one is in where the file lies inside it."""
        return f"{near(self.file)}:{self.line}"

    def to_dict(self) -> dict[str, str | int]:
        """Return plain values."""
        return {"file": near(self.file), "line": self.line, "role": self.role}


def near(file: str) -> str:
    """Return a path relative to the current folder if it lies inside it, else as it is."""
    inside = os.path.relpath(file)
    return file if inside.startswith("..") else inside


def place_of(places: Mapping[str, Place], layer: str | None, roles: Iterable[str]) -> Place | None:
    """Return the first known place among those a finding may point at; "layer" stands for its layer."""
    for role in roles:
        key = f"layer:{layer}" if role == "layer" else role
        if (role != "layer" or layer is not None) and key in places:
            return places[key]
    return None
