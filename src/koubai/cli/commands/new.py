"""`koubai new`: a commented experiment file to change."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from koubai.cli.output import option, print_either
from koubai.core.errors import KoubaiError
from koubai.words import language, say


def new(name: Annotated[str, option("lab.cli.new.name")] = "experiment") -> None:
    """Write NAME.toml; a file that is there stays as it is."""
    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    text = (files("koubai.lab.declare") / "templates" / f"experiment.{language()}.toml").read_text(
        encoding="utf-8"
    )
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text.replace("THIS_FILE", str(path)).replace("このファイル", str(path)))
    except FileExistsError:
        raise KoubaiError(
            say("lab.cli.new.exists"), where=str(path), hint=say("lab.cli.new.hint", path=path)
        ) from None
    print_either({"file": str(path)}, say("lab.cli.new.written", path=path))
