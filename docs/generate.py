"""Writes all pages that are made from the source, in every language, once a process; no others stay."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from catalog import write_experiments, write_scripts
from diagnoses import write_diagnoses
from notebooks import write_notebooks
from pages import GENERATED, clear
from reference import write_reference


@cache
def generate() -> None:
    """Write them; `KOUBAI_DOCS_RUNS` names the folder of the experiments' results."""
    write_reference(GENERATED)
    write_diagnoses(GENERATED)
    write_scripts(GENERATED / "static")
    write_notebooks(GENERATED)
    write_experiments(GENERATED, Path(os.environ.get("KOUBAI_DOCS_RUNS", GENERATED / "runs")))
    clear()
