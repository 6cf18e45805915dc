"""Sines and cosines of the time of day and week, and rows that share them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array, Times

from .scores import UNIT

DAY = 86_400_000_000
WEEK = 7 * DAY
WAVES = ((DAY, 1), (DAY, 2), (DAY, 3), (WEEK, 1), (WEEK, 2), (WEEK, 3))
"""Period, in microseconds, and harmonic."""
BIN = 300_000_000
"""Microseconds of a bin of time; rows within one have the same waves."""


def _table() -> Array:
    """1, and sine and cosine of each wave, for each bin of a week; in whole units."""
    phase = 2 * np.pi * np.arange(WEEK // BIN) * BIN
    waves = [turn(k * phase / period) for period, k in WAVES for turn in (np.sin, np.cos)]
    return np.rint(np.column_stack([np.ones(len(phase)), *waves]) * UNIT)


TABLE = _table()
COLUMNS = TABLE.shape[1]
OF_PERIOD = 6
"""Columns that the waves of each period have; the last are those of the week."""
SMOOTH = -1
"""Instead of the hour at which days begin: the waves of the week as they are."""
EDGES = 24
"""UTC hours at which days may begin, as local ones do."""
_HOUR = 3_600_000_000 // BIN
HOURS = len(TABLE) // _HOUR
_FIRST = np.zeros(1, np.int64)


def _stairs() -> Array:
    """The waves of the week standing still from the beginning of each day to its end: any level of each of seven days."""
    day = (np.arange(HOURS) - np.arange(EDGES)[:, np.newaxis]) // 24 * 24 + np.arange(EDGES)[:, np.newaxis]
    return TABLE[day % HOURS * _HOUR, -OF_PERIOD:]


STAIRS = _stairs()
"""For each edge and hour of a week, [edges, hours, w]."""


def of_hours(bins: Array) -> Array:
    """Values of the bins of a week, [bins, ...], summed by hour."""
    sums: Array = bins.reshape(HOURS, _HOUR, *bins.shape[1:]).sum(axis=1)
    return sums


def of_bins(hours: Array) -> Array:
    """Values of the hours of a week for each of their bins."""
    return np.repeat(hours, _HOUR, axis=0)


class Runs(NamedTuple):
    """Rows in runs of one bin each; all that is added up is a whole number, so it is the same in other cuts."""

    times: Times
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    """How many each has."""
    bins: npt.NDArray[np.int64]
    """The bin of the week of each run."""
    waves: Array
    """Of each run, [r, w]."""

    @property
    def hours(self) -> npt.NDArray[np.int64]:
        """The hour of the week of each run."""
        return self.bins // _HOUR

    def sums(self, values: Array) -> Array:
        """Of values, [d, n], in each run, [d, r]."""
        if len(self.rows) == values.shape[1]:
            return values
        sums: Array = values.sum(axis=1, keepdims=True) if len(self.rows) == 1 else np.add.reduceat(values, self.starts, axis=1)
        return sums

    def repeated(self, values: Array) -> Array:
        """Values of runs, [d, r], as those of their rows, [d, n]."""
        return np.repeat(values, self.rows, axis=1)


def runs(times: Times | None) -> Runs | None:
    """Of rows by their event times, int64[n] microseconds; None of rows without."""
    if times is None:
        return None
    bins = times // BIN
    turns = bins[1:] != bins[:-1]
    if len(bins) and not turns.any():
        at = bins[:1] % len(TABLE)
        return Runs(times, _FIRST, np.array([len(bins)]), at, TABLE[at])
    starts = np.concatenate((_FIRST, np.flatnonzero(turns) + 1))[: len(bins)]
    rows = np.concatenate((starts[1:], (len(bins),)))[: len(starts)] - starts
    at = bins[starts] % len(TABLE)
    return Runs(times, starts, rows, at, TABLE.take(at, axis=0))
