"""Flawed: another source with something wrong, to see what it does."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from koubai.core import random
from koubai.core.errors import DataError
from koubai.data.dataset import DATA, DataSource
from koubai.data.flaws.flaw import Flaw
from koubai.data.prepare import Raw


@DATA.register
@dataclass(frozen=True)
class Flawed(DataSource):
    """The samples of another source, with one flaw or several, done in the order given.

    In a recipe:

    ```toml
    [data]
    type = "flawed"
    source = "digits"
    flaws = [{ type = "imbalance", ratio = 20 }, "shifted_labels"]
    ```

    | field  | meaning                                                   |
    |--------|-----------------------------------------------------------|
    | source | any source, with a preparation of its own                 |
    | flaws  | what is wrong with it                                     |
    | seed   | which inputs and values these are, where a flaw draws some |

    What stands beside them (`train`, `scale` ...) prepares the flawed samples: `scale = "standard"` is a
    remedy to try. Labels at random are no flaw here: they are `label_noise`, and few samples `train`, of any
    source.

    `predict` takes inputs as the source stores them; where a flaw is one of the inputs, as they come out of
    it: on the scale of the source, and measured wrongly.
    """

    source: DataSource
    flaws: tuple[Flaw, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "flaws", tuple(self.flaws))  # a list may come, a hash must work
        if isinstance(self.source, DataSource) and self.source.augment:
            raise DataError("augment_stands_in_the_inner_source", where="Flawed")
        for kind, values in ((DataSource, (self.source,)), (Flaw, self.flaws)):
            for value in values:
                if not isinstance(value, kind):
                    raise DataError("not_a_kind", kind=kind.__name__, where="Flawed", got=repr(value))

    def stamp(self, folder: Path | None) -> Hashable:
        """That of the source."""
        return self.source.stamp(folder)

    def values(self) -> int:
        """Those of the source."""
        return self.source.values()

    def read(self, folder: Path | None) -> Raw:
        """Load the source and do to it what is wrong."""
        sound = self.source.load(folder)
        if sound.w_train is not None:
            raise DataError("flaw_keeps_no_weights_of_samples", where="Flawed")
        raw = Raw(
            sound.x_train,
            sound.t_train,
            sound.x_test,
            sound.t_test,
            sound.x_val,
            sound.t_val,
            classes=sound.classes,
            class_names=sound.class_names,
            files=sound.files,
            scheme=sound.scheme,
            before=None if any(flaw.of_inputs for flaw in self.flaws) else sound.input_scale,
        )
        for i, flaw in enumerate(self.flaws):
            raw = flaw.spoil(raw, random.key(self.seed, flaw.registry_name, i))
        return raw
