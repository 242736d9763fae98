"""`koubai schema`: the JSON Schema of recipe files, with which editors complete and check them."""

from __future__ import annotations

from koubai.cli.output import print_json
from koubai.train.recipe import Recipe
from koubai.train.schema import json_schema


def schema() -> None:
    """Print the schema; name the file in a recipe's first line: #:schema recipe.schema.json."""
    print_json(json_schema(Recipe))
