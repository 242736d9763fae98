"""Pictures of terms, each computed by koubai itself when it is asked for.

A term names its picture in terms.toml: a kind, and after a colon what of it ("activation:relu"). A kind
is one function in one file here.
"""

from __future__ import annotations

from collections.abc import Callable

from koubai.report.picture import Picture
from koubai.study.pictures.activation import activation, activations
from koubai.study.pictures.contours import contours
from koubai.study.pictures.depth import product, signal
from koubai.study.pictures.descent import parabola, path, paths
from koubai.study.pictures.images import im2col, receptive_field
from koubai.study.pictures.network import network
from koubai.study.pictures.noise import dropout
from koubai.study.pictures.normalized import batch_norm
from koubai.study.pictures.schedules import schedules
from koubai.words import speaking

KINDS: dict[str, Callable[[str], Picture]] = {
    "activation": activation,
    "activations": activations,
    "batch_norm": batch_norm,
    "contours": contours,
    "dropout": dropout,
    "im2col": im2col,
    "network": network,
    "parabola": parabola,
    "path": path,
    "paths": paths,
    "product": product,
    "receptive_field": receptive_field,
    "schedules": schedules,
    "signal": signal,
}


def draw(picture: str, lang: str | None = None) -> Picture:
    """Return a picture by its name in terms.toml."""
    kind, _, of = picture.partition(":")
    with speaking(lang):
        return KINDS[kind](of)
