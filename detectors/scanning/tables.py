"""Tables over windows: by column, by length in steps of a level, and by level."""

from __future__ import annotations

import numpy as np

from detectors import Array

from .thresholds import GROWTH
from .windows import Level

LEVELS = 24


def lengths(levels: int, block: int) -> Array:
    """How many values each window has, [16, levels]; at least 1."""
    steps = np.arange(16)[:, np.newaxis] << np.arange(levels)
    windows: Array = np.maximum(steps * float(block), 1.0)
    return windows


def entries(table: Array, level: Level) -> Array:
    """The entries of a table, [C, 16, levels], for the windows of a level: [K, 1, C]."""
    inside = slice(2, 16) if level.number == 0 else slice(8, 16)
    return table[:, inside, level.number].T[:, np.newaxis]


def kept(total: Array, windows: Array) -> Array:
    """How much of an error in the sum of an autoregression's coefficients, [C], the mean of a window keeps, [C, 16, levels]."""
    total = np.clip(total, -0.99, 0.999)[:, np.newaxis, np.newaxis]
    slow = (1 - 1 / windows - total * (1 - total**windows) / (windows * (1 - total))) / (1 - total)
    return np.maximum(slow, 0.0)


def of_both(share_up: float, up: bool) -> float:
    """The run length of both sides together over that of one, twice; 1 where both have one threshold."""
    return 1.0 if share_up == 0.5 else 2 ** (1 / GROWTH) * (share_up if up else 1 - share_up)
