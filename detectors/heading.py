"""The way a distribution has gone, by how much of the difference is upwards and how much downwards."""

from __future__ import annotations

from . import Direction

_BOTH_WAYS = 0.7
"""The share of the larger side from which on the smaller one counts too."""


def heading(up: float, down: float) -> Direction:
    """The larger side, or both where they are about alike."""
    if min(up, down) >= _BOTH_WAYS * max(up, down):
        return "both"
    return "down" if down > up else "up"
