"""Signals most of whose values are the same, such as amounts that are mostly zero: how often others come, and what they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array

_MOST = 0.5
FEWEST = 30


class Atoms:
    """Finds the signals of a reference, float64[m, d], more than half of whose values are one, their smallest or largest."""

    def __init__(self, reference: Array) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            known = [_atom(column[np.isfinite(column)]) for column in reference.T]
        self.signals: npt.NDArray[np.int64] = np.flatnonzero([one is not None for one in known])
        self.values = np.array([one[0] for one in known if one is not None])
        self.moves = np.array([1.0 if one is None else one[1] for one in known])
        """By how many of its own standard deviations a share moves where the mean of its signal moves by one, [d]."""

    def others(self, values: Array) -> Array:
        """Rows, float64[n, d], with 1 for another value than the most common and 0 for that; other signals as they are."""
        mine, shares = values[:, self.signals], values.copy()
        shares[:, self.signals] = np.where(np.isfinite(mine), mine != self.values, np.nan)
        return shares

    def amounts(self, values: Array) -> Array:
        """Rows, float64[n, d], without the most common value, as if it were missing; other signals have no values."""
        mine, amounts = values[:, self.signals], np.full(values.shape, np.nan)
        amounts[:, self.signals] = np.where(mine == self.values, np.nan, mine)
        return amounts


def _atom(values: Array) -> tuple[float, float] | None:
    """The most common value and how its share moves; None where it is not most of them, at an end, or all."""
    if len(values) < FEWEST or np.isin(values, (0.0, 1.0)).all():
        return None
    common = float(np.median(values))  # nothing else can be most of them
    others = values[values != common]
    share, sd = len(others) / len(values), float(values.std())
    if not 0 < share < 1 - _MOST or common not in (values.min(), values.max()) or not 0 < sd < np.inf:
        return None
    return common, sd / abs(float(others.mean()) - common) / float(np.sqrt(share * (1 - share)))
