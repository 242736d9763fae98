"""Curves as a CSV file that every spreadsheet and data frame reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from koubai.report.export.rows import COLUMNS, Curves, rows
from koubai.train.files import write_atomic


def write_csv(runs: Sequence[Curves], path: Path) -> Path:
    """Write all curves, UTF-8, one header line; NaN and infinities as nan, inf, -inf."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(runs))
    write_atomic(path, text.getvalue())
    return path
