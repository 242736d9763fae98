"""Curves as TensorBoard event files, one folder a run; needs tensorboardX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from koubai.core.errors import KoubaiError
from koubai.report.export.rows import Curves

_NAME = (
    "events.out.tfevents.koubai"  # else it would hold the machine's name, and a second export would add up
)


def write_tensorboard(runs: Sequence[Curves], path: Path) -> Path:
    """Write every run to a folder of its own under `path`; raise KoubaiError without tensorboardX.

    Tags are quantity/path, so that TensorBoard groups the layers of one quantity.
    """
    try:
        summary_writer = import_module("tensorboardX").SummaryWriter
    except ImportError:
        raise KoubaiError(
            "TensorBoard files need tensorboardX", hint="pip install 'koubai[tensorboard]'"
        ) from None
    for run, name in zip(runs, folders(runs), strict=True):
        (path / name / _NAME).unlink(missing_ok=True)
        with summary_writer(str(path / name)) as writer:
            for place, quantity in run.history.columns:
                tag = f"{quantity}/{place}" if place else quantity
                steps, values = run.history.series(quantity, place)
                for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                    writer.add_scalar(tag, value, step)
        for written in (path / name).glob("events.out.tfevents.*"):
            written.rename(path / name / _NAME)
    return path


def folders(runs: Sequence[Curves]) -> list[str]:
    """Return a folder name for every run, safe on every system and never the same for two.

    >>> from koubai.probes.history import History
    >>> folders([Curves("ReLU + He", 0, History()), Curves("../x", 1, History()), Curves("", 3, History())])
    ['ReLU_+_He/seed-0', 'x/seed-1', 'seed-3']
    """
    slugs: dict[str, str] = {}
    for run in runs:
        if run.arm not in slugs:
            slug = re.sub(r"[^\w+.-]+", "_", run.arm).strip("._")[:80]
            taken = set(slugs.values())
            slugs[run.arm] = f"{slug}-{len(slugs)}" if slug in taken or (run.arm and not slug) else slug
    return [f"{slugs[run.arm]}/seed-{run.seed}".lstrip("/") for run in runs]
