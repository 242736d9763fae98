"""The formats by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from koubai.core.errors import KoubaiError, UnknownName
from koubai.report.export.csv_file import write_csv
from koubai.report.export.mlflow_folder import write_mlflow
from koubai.report.export.parquet import write_parquet
from koubai.report.export.rows import Curves
from koubai.report.export.tensorboard import write_tensorboard
from koubai.report.export.wandb_folder import write_wandb
from koubai.words.system import reason

# name -> (writer, what a file's name ends with; "" for a folder)
FORMATS: dict[str, tuple[Callable[[Sequence[Curves], Path], Path], str]] = {
    "csv": (write_csv, ".csv"),
    "parquet": (write_parquet, ".parquet"),
    "tensorboard": (write_tensorboard, ""),
    "wandb": (write_wandb, ""),
    "mlflow": (write_mlflow, ""),
}


def export(runs: Sequence[Curves], path: Path, to: str) -> Path:
    """Write curves in one of `FORMATS`; return the file or folder.

    Raises:
        UnknownName: no such format (with the nearest).
        KoubaiError: the library a format needs is missing, or the file cannot be written.
    """
    if to not in FORMATS:
        raise UnknownName("format", to, FORMATS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FORMATS[to][0](runs, path)
    except OSError as error:
        raise KoubaiError("curves_could_not_be_written", why=reason(error), where=str(path)) from error
