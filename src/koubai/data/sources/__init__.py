"""The data sets, one file each; importing this package registers them all."""

from koubai.core.registry import discover

discover(__name__, __path__)
