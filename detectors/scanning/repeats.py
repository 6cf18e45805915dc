"""Values that come in bursts of identical ones, such as rows that are sent again and again: the first of each says it all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array

_RARELY = 0.001
"""By which chance two values of a signal may be equal at most if equal ones in a row are to mean something."""
_OFTEN, _FEWEST = 10, 5
"""How many values must be as the two before them: so many times more than by chance, and so many."""
_SINGLE = 30
"""How many values there must be when each burst counts as one."""


class Repeats:
    """Finds the signals of a reference, float64[m, d], with bursts; there a value that is equal to the last is missing.

    Signals of which values are equal by chance already, such as counts and rounded numbers, have none.
    """

    def __init__(self, reference: Array) -> None:
        self.signals: npt.NDArray[np.int64] = np.flatnonzero([_in_bursts(column) for column in reference.T])
        self.last = np.full(len(self.signals), np.nan)
        """Their last values, float64[b]."""
        self.shares = np.ones(reference.shape[1])
        """By how much smaller shifts of means are without what is missing by that, float64[d]."""
        for signal in self.signals.tolist():
            self.shares[signal] = 1 - (reference[1:, signal] == reference[:-1, signal]).mean()

    def without(self, values: Array) -> Array:
        """The next rows, float64[n, d], without what is equal to the value of the row before."""
        if not len(self.signals) or not len(values):
            return values
        mine = values[:, self.signals]
        again = mine == np.concatenate((self.last[np.newaxis], mine[:-1]))
        self.last = mine[-1].copy()
        values = values.copy()
        values[:, self.signals] = np.where(again, np.nan, mine)
        return values


def _in_bursts(column: Array) -> bool:
    equal = column[1:] == column[:-1]
    thrice = int((equal[1:] & equal[:-1]).sum())
    if thrice < _FEWEST:
        return False
    single = column[np.concatenate(([True], ~equal)) & np.isfinite(column)]
    counts = np.unique(single, return_counts=True)[1].astype(np.float64)
    n = len(single)
    by_chance = float((counts * (counts - 1)).sum()) / max(n * (n - 1), 1)
    return n >= _SINGLE and by_chance < _RARELY and thrice > _OFTEN * by_chance * len(column)
