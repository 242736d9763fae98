"""Where a watch is connected to PyTorch: hooks, functions replaced while somebody listens, and a guard."""
