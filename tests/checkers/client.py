"""A program as a user writes it, for type checkers: every name has its own type and none is Any.

Nothing here is run. `scripts/check` has mypy and, where it is installed, pyright read it.
"""

from typing import assert_type

import koubai as kb
from koubai.doctor.visit.finding import Finding
from koubai.layers import Conv2d, Linear
from koubai.losses import SoftmaxCrossEntropy
from koubai.optim import Adam
from koubai.train import Recipe


def trained() -> kb.Run:
    """Train, as the first page of the guide does."""
    net = kb.Sequential(kb.Conv2d(16, 3, padding=1), kb.BatchNorm(), kb.ReLU(), kb.Flatten(), kb.Linear(10))
    assert_type(kb.Conv2d(16, 3), Conv2d)
    assert_type(kb.Linear(3), Linear)
    assert_type(kb.Adam(1e-3), Adam)
    run = kb.fit(net, kb.data.digits(), optimizer=kb.Adam(1e-3), batch_size=100, steps=300, seed=0)
    assert_type(run, kb.Run)
    return run


def asked(run: kb.Run) -> None:
    """Ask a run for what it knows."""
    assert_type(run.scores["test"].accuracy, float | None)
    assert_type(run.findings, list[Finding])
    assert_type(run.recipe, Recipe)
    assert_type(run.history, kb.History)
    assert_type(kb.resume("runs/first"), kb.Run)


def described() -> Recipe:
    """Write a recipe and change it."""
    recipe = Recipe(kb.Sequential(kb.Linear(10)), kb.data.Digits(), loss=SoftmaxCrossEntropy(), steps=10)
    return recipe.edit(steps=20)


def wrong() -> None:
    """What a checker must refuse: where it does not, the comment is unused, and that is an error."""
    kb.Linear("ten")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    kb.fit(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
