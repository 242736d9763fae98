"""What every layer of one run did over time: updates, spread, saturation, zeros."""

from __future__ import annotations

from koubai.core.layer import LAYERS, Layer
from koubai.layers.activations import Activation
from koubai.probes.history import History
from koubai.report.figures.learning_curves import learning_curves
from koubai.report.layers import Layers
from koubai.report.page import Section
from koubai.report.palette import style
from koubai.report.picture import thin
from koubai.report.series import Curve
from koubai.words import say

QUANTITIES = ("update_ratio", "activation_std", "saturation", "zero_share")
_MOST = 7  # layers in one figure


def layers_section(history: History, network: Layer) -> Section:
    """Return one picture a quantity, a curve for each layer; of many layers, some evenly chosen."""
    names = Layers.of_network(network)
    pictures = []
    for quantity in QUANTITIES:
        paths = [path for path in history.paths(quantity) if _speaks(path, names)]
        shown = [paths[i] for i in thin(len(paths), _MOST)]
        curves = []
        for i, path in enumerate(shown):
            steps, values = history.series(quantity, path)
            title = names.title(path)
            curves.append(Curve(title, title, style(i), steps, values[None, :]))
        if any(curve.values.any() for curve in curves):
            pictures.append(learning_curves([("", curves)], quantity))
    return Section("layers", say("report.section.layers"), pictures=tuple(pictures))


def _speaks(path: str, names: Layers) -> bool:
    """Return whether a path is a weight, or the output of an activation."""
    if path.rsplit(".", 1)[-1] == "weight":
        return True
    found = [cls for cls in LAYERS.values() if cls.__name__ == names.names.get(path)]
    return any(issubclass(cls, Activation) for cls in found)
