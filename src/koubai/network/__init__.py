"""Layers wired and named: a Network knows every shape and every path."""

from koubai.network.network import Network, Weights

__all__ = ["Network", "Weights"]
