"""`koubai schema`: the JSON Schema of recipe files, with which editors complete and check them."""

from __future__ import annotations

from koubai.cli.output import print_json
from koubai.train.recipe import Recipe
from koubai.train.schema import json_schema
from koubai.words import entries
from koubai.words.part import about


def schema() -> None:
    """Print the schema; name the file in a recipe's first line: #:schema recipe.schema.json."""
    found = json_schema(Recipe)
    for part in found["$defs"].values():
        name = part["properties"].get("type", {}).get("const")
        if name in entries("parts"):
            part["description"] = about(name, part["description"])
    print_json(found)
