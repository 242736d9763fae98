"""Printed: the last number that a program prints and whose name tells which way is better."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

_LINES = 200  # of what was printed last
_LONGEST = 2000  # characters of a line
HIGHER = (
    "accuracy",
    "acc",
    "top1",
    "top5",
    "precision",
    "recall",
    "f1",
    "fscore",
    "auc",
    "auroc",
    "map",
    "miou",
    "iou",
    "dice",
    "r2",
    "bleu",
    "rouge",
    "psnr",
    "ssim",
    "reward",
    "return",
    "score",
    "skill",
    "correct",
)
LOWER = (
    "loss",
    "error",
    "err",
    "mse",
    "rmse",
    "mae",
    "nll",
    "perplexity",
    "ppl",
    "bpc",
    "wer",
    "cer",
    "elbo",
    "cost",
    "fid",
    "misclassified",
)
"""Words that tell which way is better. A negative bound (elbo) is printed as a loss, so lower is better."""

PAID = ("reward", "return", "score")
"""Those of them that are what a policy is trained for."""

LOSSES = ("loss", "nll", "elbo", "cost")
"""Those of them that need not fall where networks compete, or where a program draws what it is paid for."""

_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?<!\w)[-+]?(?:nan|inf)\b|(?<=[@^])\d+"
)
_PLAIN = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_ASIDE = re.compile(r"\([^()\n]*\)")
_BORDER = re.compile(r"[,;|\t{}]")  # between two things that are told
_COUNTED = re.compile(r"\s*[A-Za-z]")  # what stands behind a number that counts something, or has a unit
_OF = re.compile(r"(/|\bof)\s*$")  # what stands before a number that is a total
_NEUTRAL = re.compile(r"\b(epoch|step|iter|iteration|batch|time|lr|eta|seed|rate)\W*$", re.IGNORECASE)
_PAINT = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class PrintedNumber:
    """A number that a program prints: its name there, and whether less of it is better."""

    name: str
    lower: bool


class Tail(io.TextIOWrapper):
    """A text stream that keeps its last lines, and can do all that standard output can."""

    def __init__(self) -> None:
        self._kept = _Lines()
        super().__init__(self._kept, "utf-8", "replace", newline="", write_through=True)

    @property
    def text(self) -> str:
        """The last lines, with the one that has no end yet."""
        return "\n".join([*self._kept.whole, self._kept.open])


class _Lines(io.RawIOBase):
    """Takes bytes, and keeps the last lines of them."""

    name = "<stdout>"

    def __init__(self) -> None:
        self.whole: deque[str] = deque(maxlen=_LINES)
        self.open = ""

    def writable(self) -> bool:
        """It takes everything."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes; what a progress bar writes over is gone."""
        text = bytes(data).decode("utf-8", "replace")
        *whole, self.open = (self.open + text).replace("\r", "\n").split("\n")
        self.whole.extend(line[-_LONGEST:] for line in whole if line.strip())
        self.open = self.open[-_LONGEST:]
        return len(bytes(data))

    def fileno(self) -> int:
        """Where programs that ask for it may write: the process' own output, which goes nowhere."""
        return 1


def last_metric(text: str, *, without: Sequence[str] = ()) -> PrintedNumber | None:
    """Return what is printed last and tells which way is better, `without` some words; None if nothing does.

    >>> last_metric("Epoch 3: train loss 0.31, val acc = 91.2% (4.1 s)")
    PrintedNumber(name='val acc', lower=False)
    """
    return next(
        (m for m, _ in _told(text) if not any(_is_one_of(word, without) for word in _words(m.name))), None
    )


def printed_value(text: str, metric: PrintedNumber) -> float:
    """Return the last value that is printed under a metric's name; NaN if there is none."""
    return next((value for other, value in _told(text) if other == metric), nan)


def printed_series(text: str, words: Sequence[str]) -> tuple[float, ...]:
    r"""Return all values of what is printed most often under a name with one of these words, in order.

    A value is the first number behind its name: others may follow on the same line.

    >>> printed_series("loss 3, mean reward 1.5 0.7\nloss 4, mean reward 1.0 0.8\ntest reward: 2", PAID)
    (1.5, 1.0)
    """
    named = re.compile(rf"([a-z_ ]*(?:{'|'.join(words)})[a-z_]*)[^\w+\-.]*({_PLAIN})", re.IGNORECASE)
    found: dict[str, list[float]] = {}
    for name, value in named.findall(_ASIDE.sub("", text)):
        found.setdefault(" ".join(name.lower().split()), []).append(float(value))
    longest: list[float] = max(found.values(), key=len, default=[])
    return tuple(longest)


def _told(text: str) -> Iterator[tuple[PrintedNumber, float]]:
    """Go through what is told, the last first: at most one number of each part of a line."""
    for line in reversed(text.splitlines()):
        for part in reversed(_BORDER.split(_PAINT.sub("", line))):
            found = _of_part(part)
            if found is not None:
                yield found


def _of_part(part: str) -> tuple[PrintedNumber, float] | None:
    """Return the last number of a part that its name is about, not one that counts or is a total."""
    plain, counted, end = None, None, 0
    for match in _NUMBER.finditer(part):
        before, end = part[end : match.start()], match.end()
        lower = _direction(part[: match.start()])
        if lower is None or _OF.search(before) or _NEUTRAL.search(before):
            continue
        found = PrintedNumber(_name(part[: match.start()]), lower), float(match[0])
        if not _COUNTED.match(part[end:]):
            plain = found
        elif _direction(before) is not None:
            counted = found
    return plain or counted


def _name(before: str) -> str:
    """Return what stands before a number, from the word on that tells which way is better."""
    name = ""
    for piece in reversed(_NUMBER.sub("…", before).split("…")):
        name = f"{piece}…{name}" if name else piece
        if _direction(piece) is not None:
            break
    return re.sub(r"\s+", " ", name).strip(" :=-('\".[]")


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+\d*", name.lower().replace("_", " ").replace("^", ""))


def _is_one_of(word: str, kinds: Sequence[str]) -> bool:
    """Whether a word, or what it is the plural of, is one of these."""
    return not {word, word.removesuffix("es"), word.removesuffix("s")}.isdisjoint(kinds)


def _direction(name: str) -> bool | None:
    """Return whether lower is better by the last word of a name that tells; None if no word does."""
    for word in reversed(_words(name)):
        for kinds, lower in ((LOWER, True), (HIGHER, False)):
            if _is_one_of(word, kinds):
                return lower
    return None
