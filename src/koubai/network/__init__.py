"""Layers wired and named: a Network knows every shape and every path."""

from koubai.network.network import Network, Weights
from koubai.network.summary import LayerRow, layer_rows, layer_table

__all__ = ["LayerRow", "Network", "Weights", "layer_rows", "layer_table"]
