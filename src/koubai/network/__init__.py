"""Layers wired and named: a Network knows every shape and every path."""

from koubai.network.network import Network, Weights
from koubai.network.summary import Row, rows, table

__all__ = ["Network", "Row", "Weights", "rows", "table"]
