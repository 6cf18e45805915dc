"""A baseline: what a signal was before, from its reference and from every value since, in its own standard deviations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from . import Array, State
from .column import present_in

Ints = npt.NDArray[np.int64]

_SMALLEST_REFERENCE = 50
_BOUND = 4.0
"""Standard deviations beyond which a value counts no more."""
_AT_ONCE = 256
"""Rows that are worked on at once: what a processor's cache holds for some dozens of signals."""


class Baseline:
    """Standardises each value by the mean and spread of all values before it, those of the reference included.

    So the results are independent and standard normal where the values are independent and normal, whatever the size of the
    reference (the self-starting charts of Hawkins 1987).  Values count up to four standard deviations of the reference.
    A signal with fewer than 50 values in its reference, or with one value only, has no baseline: all its values are missing.
    """

    def __init__(self, signals: int) -> None:
        self.learn(np.empty((0, signals)))

    def learn(self, reference: Array) -> None:
        """Takes the reference, float64[m, d], and begins anew."""
        parts = [_moments(column[present_in(column)]) for column in reference.T]
        known = np.array(parts, np.float64).reshape(-1, 5).T
        self._mean, self._spread, self._first = known[0], known[1], known[2:]
        self.rows = 0
        """How many rows have come."""
        self.sums = self._first.copy()
        """Number, sum and sum of squares of the scores of each signal so far, float64[3, d]."""

    def forget(self, signal: int) -> None:
        """Goes back to the reference alone."""
        self.sums[:, signal] = self._first[:, signal]

    def state(self) -> State:
        """Everything but the rows and the reference."""
        return {"sums": self.sums.copy()}

    def restore(self, state: State, rows: int) -> None:
        """Goes on from a `state()` after some rows."""
        self.rows = rows
        self.sums = state["sums"].copy()

    def stretches(self, values: Array) -> Iterator[tuple[Ints, Ints, Array]]:
        """Cuts values, float64[n, d], into signals, rows and scores, float64[rows, signals], without what is missing."""
        first, self.rows = self.rows, self.rows + len(values)
        for at in range(0, len(values), _AT_ONCE):
            part = values[at : at + _AT_ONCE]
            there = present_in(part) & (self._spread > 0)
            whole = there.all(axis=0)
            rows = np.arange(first + at, first + at + len(part))
            if whole.any():
                signals = np.flatnonzero(whole)
                yield signals, rows, self._scores(part[:, signals], signals)
            for signal in np.flatnonzero(there.any(axis=0) & ~whole):
                some = there[:, signal]
                signals = np.array([signal])
                yield signals, rows[some], self._scores(part[some, signal, np.newaxis], signals)

    def standardise(self, scores: Array, signals: Ints) -> tuple[Array, Array]:
        """For scores, float64[n, c]: each by what was before it, and the sums as they are after each, float64[3, n, c]."""
        added = np.stack((np.ones_like(scores), scores, scores * scores))
        sums = np.cumsum(np.concatenate((self.sums[:, np.newaxis, signals], added), axis=1), axis=1)
        n, total, squares = sums[:, :-1]
        mean = total / n
        variance = (squares - total * mean) / (n - 1)
        return np.clip((scores - mean) / np.sqrt(variance * (1 + 1 / n)), -_BOUND, _BOUND), sums[:, 1:]

    def _scores(self, values: Array, signals: Ints) -> Array:
        with np.errstate(over="ignore"):
            return _bounded((values - self._mean[signals]) / self._spread[signals])


def _moments(column: Array) -> tuple[float, ...]:
    """Mean and spread of a reference, and number, sum and sum of squares of its scores; a spread of 0 if it is of no use."""
    if len(column) < _SMALLEST_REFERENCE or column.min() == column.max():
        return (0.0,) * 5
    mean, spread = float(column.mean()), float(column.std())
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scores = _bounded((column - mean) / spread)
    sums = float(len(column)), float(scores.sum()), float((scores * scores).sum())
    return (mean, spread, *sums) if sums[2] * sums[0] > sums[1] ** 2 else (0.0,) * 5


def _bounded(scores: Array) -> Array:
    return np.clip(scores, -_BOUND, _BOUND)
