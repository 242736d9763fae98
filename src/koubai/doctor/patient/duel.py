"""Duel: two networks that compete, by the losses with which each of them makes its updates."""

from __future__ import annotations

from dataclasses import dataclass, field

from koubai.core.params import Array


@dataclass(frozen=True)
class Duel:
    """What a discriminator's updates descend (it tells real from made-up), and what the generator's do.

    Losses of binary cross-entropy, update by update; that of a discriminator that knows nothing is `floor`.
    """

    discriminator: Array = field(repr=False)
    generator: Array = field(repr=False)
    floor: float
