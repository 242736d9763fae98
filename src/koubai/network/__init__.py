"""Layers wired and named: a Network knows every shape and every path."""

from koubai.network.network import Network, Weights
from koubai.network.summary import LayerRow, rows, table

__all__ = ["LayerRow", "Network", "Weights", "rows", "table"]
