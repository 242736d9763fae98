"""Curves as TensorBoard event files, one folder a run; needs tensorboardX.

Its records and protocol buffers are used, not its SummaryWriter: that starts two threads a run, waits a
second to end them, and puts the machine's name into the file's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.report.export.rows import Curves

_NAME = "events.out.tfevents.koubai"


def write_tensorboard(runs: Sequence[Curves], path: Path) -> Path:
    """Write every run to a folder of its own under `path`; raise KoubaiError without tensorboardX.

    Tags are quantity/path, so that TensorBoard groups the layers of one quantity.
    """
    try:
        record_writer = import_module("tensorboardX.record_writer").RecordWriter
        event = import_module("tensorboardX.proto.event_pb2").Event
    except ImportError:
        raise KoubaiError(
            "tensorboard_needs_tensorboardx", hint="pip install 'koubai[tensorboard]'"
        ) from None
    for run, name in zip(runs, folders(runs), strict=True):
        (path / name).mkdir(parents=True, exist_ok=True)
        writer = record_writer(str(path / name / _NAME))
        try:
            for made in _events(run, event):
                writer.write(made.SerializeToString())
        finally:
            writer.close()
    return path


def _events(run: Curves, event: Any) -> Iterator[Any]:
    """Yield the version that starts a file, then one event a number; wall time counts steps as seconds."""
    yield event(file_version="brain.Event:2")
    for place, quantity in run.history.names:
        tag = f"{quantity}/{place}" if place else quantity
        steps, values = run.history.series(quantity, place)
        for step, value in zip(steps.tolist(), values.tolist(), strict=True):
            made = event(step=step, wall_time=float(step))
            made.summary.value.add(tag=tag, simple_value=value)
            yield made


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
