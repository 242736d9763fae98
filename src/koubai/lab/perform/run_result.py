"""What one run of an experiment gives: scores, history, and arrays to be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from koubai.core.params import Array
from koubai.probes.history import History


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Arrays of one run to be shown as a picture.

    | kind        | path      | arrays                                                                   |
    |-------------|-----------|--------------------------------------------------------------------------|
    | histogram   | layer     | edges (B+1,), initial (B,), final (B,): shares of activations            |
    | filters     | parameter | initial, final (O, C, K) or (O, C, K, K)                                 |
    | feature_maps| layer     | values (maps, H, W) or (maps, L) for one test sample                     |
    | receptive_field | layer | values (H, W): how much each pixel moves a unit in the middle            |
    | augmented   | ""        | values (1 + n, C, H, W): a training picture, and as n updates see it     |
    | sample      | ""        | values (C, H, W) or (C, L): that test sample                             |
    | weights     | parameter | edges (B+1,), counts (B,), near_zero (), norm ()                         |
    | path        | ""        | points (steps+1, D), values (steps+1,): a descent; its surface is in `note` |
    | surface     | ""        | x (W,), y (H,), values (H, W): a function to draw contours of            |
    | starts      | ""        | starts, reached (n,): many descents; x, values (W,): their function      |
    | plane       | ""        | x (W,), y (H,), values (H, W): answers; points (n, 2), classes (n,)      |
    | matrix      | title     | values (rows, columns): to be shown as numbers in cells                  |
    | table       | title     | values (rows, columns); `columns` and `rows` name them                   |
    """

    kind: str
    path: str
    arrays: Mapping[str, Array]
    note: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()

    def let_go(self, read: Callable[[], Mapping[str, Array]]) -> None:
        """Have `read` bring the arrays again when somebody asks for them, and hold them no longer."""
        if not isinstance(self.arrays, _Elsewhere):
            object.__setattr__(self, "arrays", _Elsewhere(tuple(self.arrays), read))


class _Elsewhere(Mapping[str, Array]):
    """Arrays by name that are read each time."""

    def __init__(self, names: tuple[str, ...], read: Callable[[], Mapping[str, Array]]) -> None:
        self._names, self._read = names, read

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run: one arm with one seed.

    `scores` is flat: test_accuracy, test_loss, train_accuracy, train_loss, val_..., gap (train - test
    accuracy), first_to_last_gradient ... `key` names the run in the store. `seconds` is the time of the run
    without its start-up (data read, code compiled, first update), which is `startup`. `device` is where it
    was computed: "cpu", or a GPU with its name; "" where nothing was trained, or nobody wrote it down.
    """

    arm: str
    seed: int
    plan_hash: str
    key: str
    scores: Mapping[str, float]
    history: History
    seconds: float
    collapsed: bool = False
    stopped_by: str | None = None
    exhibits: tuple[Exhibit, ...] = ()
    engine: str = ""
    failure: str | None = None
    startup: float = 0.0
    device: str = ""
