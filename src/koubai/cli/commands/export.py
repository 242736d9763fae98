"""`koubai export`: the curves of a run or an experiment, or a trained network, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from koubai.cli.experiments import order_in
from koubai.cli.output import console, option, print_either, print_json, style
from koubai.core.errors import UnknownName
from koubai.words import say

if TYPE_CHECKING:
    from koubai.report.export.rows import Curves


def export(
    folder: Annotated[Path, option("report.cli.folder")],
    *,
    to: Annotated[str, option("report.cli.to")] = "csv",
    out: Annotated[Path | None, option("report.cli.export_out", name=("--out", "-o"))] = None,
) -> None:
    """Write the curves of a folder for other programs (CSV, MLflow ...), or a trained network as ONNX."""
    from koubai.report.export import FORMATS
    from koubai.report.export import export as write

    if to == "onnx":
        _network(folder, out)
        return
    if to not in FORMATS:
        raise UnknownName("format", to, [*FORMATS, "onnx"], where="--to")
    runs = _curves(folder)
    ending = FORMATS[to][1]
    written = write(runs, out or folder / (f"curves{ending}" if ending else to), to)
    if style.json:
        print_json({"written": str(written), "runs": len(runs)})
    else:
        text = say("report.cli.exported", path=written, runs=len(runs))
        console().print(text, markup=False, soft_wrap=True)


def _network(path: Path, out: Path | None) -> None:
    """Write the network of a finished run, or of a .safetensors file."""
    from koubai.train.model_file import load

    trained = load(path)
    target = out or (path / "model.onnx" if path.is_dir() else path.with_suffix(".onnx"))
    written = trained.export_onnx(target, prepared=trained.preparation is None)
    print_either({"written": str(written)}, say("report.cli.exported_network", path=written))


def _curves(folder: Path) -> list[Curves]:
    from koubai.report.export.rows import Curves, curves_of
    from koubai.train.folder import RunFolder
    from koubai.train.plain import to_plain

    run = RunFolder(folder)
    if run.exists:
        return [Curves("", run.recipe.seed, run.history(), to_plain(run.recipe))]
    return curves_of(order_in(folder).result(folder).runs)
