"""The peers: other libraries training the same network, one file each, each at its best on this machine."""

from __future__ import annotations

import importlib
import pkgutil

from koubai_benchmarks.speed.peers.peer import Peer


def peers() -> dict[str, Peer]:
    """Return every engine and peer by name: koubai's engines first, then in alphabetical order of files."""
    names = sorted(
        (module.name for module in pkgutil.iter_modules(__path__) if module.name != "peer"),
        key=lambda name: (name != "koubai_engines", name),
    )
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {peer.name: peer for module in modules for peer in module.PEERS}
