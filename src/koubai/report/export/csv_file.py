"""Curves as a CSV file that every spreadsheet and data frame reads."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from koubai.core.visible import visible
from koubai.report.export.rows import COLUMNS, Curves, curve_rows
from koubai.train.files import write_atomic

_FORMULA = re.compile("[=+@\t\n\uff1d\uff0b\uff0d\uff20-]")  # and of full width
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


def write_csv(runs: Sequence[Curves], path: Path) -> Path:
    """Write all curves, UTF-8, one header line; NaN and infinities as nan, inf, -inf.

    A name that a spreadsheet would take for a formula begins with an apostrophe (OWASP, "CSV injection");
    one that is a number stays as it is. Control characters are written as escapes.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for arm, seed, step, path_, quantity, value in curve_rows(runs):
        writer.writerow((_text(arm), seed, step, _text(path_), _text(quantity), value))
    write_atomic(path, text.getvalue().encode())
    return path


def _text(cell: str) -> str:
    r"""Return a name as no program reads it as a formula.

    >>> _text("=1+1"), _text("-0.5"), _text("-0.5+1"), _text("\t@x"), _text("adam")
    ("'=1+1", '-0.5', "'-0.5+1", "'\t@x", 'adam')
    """
    cell = visible(cell)
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
