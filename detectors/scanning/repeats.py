"""Values that come in bursts of identical ones, such as rows that are sent again and again: the first of each says it all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Array

_SHARE, _RARELY, _OFTEN = 0.01, 0.001, 10
"""The share of values that are as the two before them if there are bursts: so many, and so many times more than by chance; by
which chance two values may be equal at most if equal ones in a row are to mean something."""
_SINGLE = 30
"""How many values there must be when each burst counts as one."""
_LONGER = 2
"""How many times as long as the longest of the reference a burst may be: what stays for longer stands still."""
Mask = npt.NDArray[np.bool_]


class Repeats:
    """Finds the signals of a reference, float64[m, d], with bursts; there a value that is equal to the last is missing.

    Signals of which values are equal by chance already, such as counts and rounded numbers, have none.
    """

    def __init__(self, reference: Array) -> None:
        self.signals: npt.NDArray[np.int64] = np.flatnonzero([_in_bursts(column) for column in reference.T])
        """Those with bursts, int64[b]."""
        self._last, self._length = np.full(len(self.signals), np.nan), np.zeros(len(self.signals), np.int64)
        """Their last values, and how many of these have come in a row."""
        lengths = _lengths(reference[:, self.signals], self._last, self._length)[0]
        self._longest = _LONGER * lengths.max(axis=0, initial=0)

    def without(self, values: Array) -> Array:
        """The next rows, float64[n, d], without what is equal to the value of the row before."""
        if not len(self.signals) or not len(values):
            return values
        mine = values[:, self.signals]
        lengths, again = _lengths(mine, self._last, self._length)
        self._last, self._length = mine[-1].copy(), lengths[-1].copy()
        values = values.copy()
        values[:, self.signals] = np.where(again & (lengths <= self._longest), np.nan, mine)
        return values

    def state(self) -> dict[str, Any]:
        """Everything but the reference, as plain values and arrays."""
        return {"last": self._last.copy(), "length": self._length.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()` of the same reference."""
        self._last, self._length = state["last"].copy(), state["length"].copy()


def _lengths(values: Array, last: Array, length: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Mask]:
    """How many identical values there have been in a row, int64[n, b], and which are as the one before."""
    again = values == np.concatenate((last[np.newaxis], values[:-1]))
    row = np.arange(1, len(values) + 1)[:, np.newaxis]
    begun = np.maximum.accumulate(np.where(again, 0, row), axis=0)
    return np.where(begun > 0, row - begun + 1, row + length), again


def _in_bursts(column: Array) -> bool:
    equal = column[1:] == column[:-1]
    thrice = int((equal[1:] & equal[:-1]).sum())
    if thrice <= _SHARE * len(column):
        return False
    single = column[np.concatenate(([True], ~equal)) & np.isfinite(column)]
    counts = np.unique(single, return_counts=True)[1].astype(np.float64)
    n = len(single)
    by_chance = float((counts * (counts - 1)).sum()) / max(n * (n - 1), 1)
    return n >= _SINGLE and by_chance < _RARELY and thrice > _OFTEN * by_chance * len(column)
