"""`koubai models`: the course's networks and AlexNet, with what they cost."""

from __future__ import annotations

from typing import Any

from koubai.cli.commands.summary import default_input
from koubai.cli.output import print_json, print_table, style
from koubai.models.model import MODELS
from koubai.network.network import Network
from koubai.words import entries, say
from koubai.words.part import about


def models() -> None:
    """List the models."""
    rows: list[dict[str, Any]] = []
    for name, cls in MODELS.items():
        network = Network(cls(), default_input(name))
        rows.append(
            {
                "name": name,
                "input": list(network.in_shape),
                "parameters": network.parameter_count,
                "multiply_adds": network.multiply_adds,
                "what": _what(name, cls),
            }
        )
    if style.json:
        print_json(rows)
        return
    table = [
        [
            row["name"],
            "x".join(map(str, row["input"])),
            f"{row['parameters']:,}",
            f"{row['multiply_adds']:,}",
            row["what"],
        ]
        for row in rows
    ]
    columns = ("name", "input", "parameters", "multiply_adds", "what")
    print_table([say(f"cli.models.{column}") for column in columns], table, right=(2, 3))


def _what(name: str, cls: type) -> str:
    """Return what a model is, in the reader's language where the catalog has it."""
    key = f"model.{name}"
    if key in entries("cli"):
        return say(f"cli.{key}")
    return about(name, cls.__doc__)
