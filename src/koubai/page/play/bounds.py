"""How large a recipe of free play may be: what a learner waits for, what a browser may ask of a machine."""

from __future__ import annotations

MOST_STEPS = 5000
MOST_BATCH = 1000
MOST_LAYERS = 40
MOST_PARAMETERS = 500_000
MOST_PRODUCTS = 2_000_000_000_000
"""Multiply-adds of all updates together, forward only."""
MOST_VALUES = 200_000
"""Numbers that a made-up data set may hold."""
MOST_FILES = 100
LARGEST_FILE = 64 * 1024 * 1024
SECONDS = 60.0
"""After which a run pauses by itself, from its first updates on; it can be gone on with."""
