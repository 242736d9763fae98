"""The floor everything stands on: layers, cells, verbs, shapes, randomness, registries, errors."""
