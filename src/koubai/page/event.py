"""Event: what the page is told of a job, a run or a helper, as plain values; its `kind` says which it is."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]
