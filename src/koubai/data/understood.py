"""What arrays and tables were taken for, and how they were split, in one line."""

from __future__ import annotations

from koubai.core.few import few
from koubai.data.dataset import PARTS, Dataset
from koubai.words import say

_SHOWN = 8  # names of classes in a sentence


def understood(dataset: Dataset) -> str:
    """Return a line about data of one's own; "" where the set is a published or a made one."""
    if not dataset.parted:
        return ""
    target = _target(dataset)
    counts = ((part, len(getattr(dataset, f"t_{part}"))) for part in PARTS)
    said = (
        say("data.split.part", count=count, part=say(f"data.part.{part}")) for part, count in counts if count
    )
    parts = say("data.table.and").join(said)
    columns = [] if dataset.scheme is None else [dataset.scheme.sentence()]
    split = say(f"data.split.{dataset.parted}", parts=parts)
    return " ".join([*columns, target, split])


def _target(dataset: Dataset) -> str:
    column = "" if dataset.scheme is None else dataset.scheme.target
    area = "data.table" if dataset.scheme is not None else "data.arrays"
    if dataset.classes is None:
        return say(f"{area}.values", target=column, count=dataset.t_train.shape[1])
    names = dataset.class_names or tuple(map(str, range(dataset.classes)))
    return say(f"{area}.classes", target=column, count=dataset.classes, names=few(names, _SHOWN))
