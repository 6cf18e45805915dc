"""Sums of every other day and of every other week: whether a season is in both halves of its periods."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array

from .sums import Sums
from .waves import BIN, COLUMNS, DAY, OF_PERIOD, WEEK, Runs

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Split(NamedTuple):
    """A way to split a stream in halves."""

    period: int
    earlier: int
    """How much earlier than the stream its first period begins."""
    columns: int
    """Of the table, that a season of it has."""

    def is_odd(self, since: Ints) -> Mask:
        """Whether times, so long after the stream began, are in its second period, its fourth, and so on."""
        odd: Mask = (since + self.earlier) // self.period % 2 == 1
        return odd


DAILY = Split(DAY, 0, 1 + OF_PERIOD), Split(DAY, DAY // 2, 1 + OF_PERIOD)
"""What lies across the end of a day of the first is inside one of the second."""
_WEEKLY = Split(WEEK, 0, COLUMNS), Split(WEEK, WEEK // 2, COLUMNS)
_SPLITS = DAILY + _WEEKLY
_AGAIN = 0.5
"""What two halves have in common of a season, of all of it, at least, if it has been seen in both."""


class Halves:
    """Of d columns: the sums of every other period, of each split."""

    def __init__(self, columns: int) -> None:
        self._odd = [Sums.none(split.columns, columns) for split in _SPLITS]

    def take(self, when: Runs, first: int, sums: Array, held: tuple[Array, Array] | None) -> None:
        """Takes the sums of runs of rows, float64[d, r]; and how many of these were held, and their scores; from `first` on."""
        since = when.times[when.starts] // BIN * BIN - first // BIN * BIN
        for split, mine in zip(_SPLITS, self._odd, strict=True):
            odd = split.is_odd(since)
            if not odd.any():
                continue
            waves = when.waves[odd, : split.columns]
            mine.products[...] += waves.T @ sums[:, odd].T
            mine.gram[...] += (waves.T * when.rows[odd]) @ waves
            if held is not None:
                mine.away[...] += waves.T @ held[0][:, odd].T
                mine.away_sums[...] += held[1][:, odd].sum(axis=1)

    def hold(self, columns: Mask, away: list[Array], away_sums: list[Array]) -> None:
        """Holds rows of the first days of columns, [d]: sums of odd ones by `DAILY` splits, of waves, [w, d], and scores."""
        for mine, waves, scores in zip(self._odd, away, away_sums, strict=False):
            mine.away[:, columns], mine.away_sums[columns] = waves[: len(mine.away), columns], scores[columns]

    def acquit(self, columns: Mask) -> None:
        """Holds nothing of columns, [d], any more."""
        for mine in self._odd:
            mine.away[:, columns] = mine.away_sums[columns] = 0.0

    def forget(self, columns: Mask) -> None:
        """Takes all that was seen of columns, [d], for noise about 0."""
        self.acquit(columns)
        for mine in self._odd:
            mine.products[:, columns] = 0.0

    def agree(self, every: Sums, model: range, held: bool = True) -> Mask:
        """In which columns, [d], halves show alike what the longest period of a model adds to the season of all rows.

        Beside a step of those that were held; or as if none were.
        """
        odds = [odd for split, odd in zip(_SPLITS, self._odd, strict=True) if split.columns == len(model)]
        if not held:
            every, odds = every.let_go(), [odd.let_go() for odd in odds]
        gram, _ = every.equations(model)
        beside = np.linalg.solve(gram[:-OF_PERIOD, :-OF_PERIOD], gram[:-OF_PERIOD, -OF_PERIOD:])
        own = gram[-OF_PERIOD:, -OF_PERIOD:] - gram[-OF_PERIOD:, :-OF_PERIOD] @ beside
        season = _longest(every, model)
        whole = _product(season, own, season)
        agree = np.ones(season.shape[1], np.bool_)
        for odd in odds:
            agree &= _product(_longest(odd, model), own, _longest(every.without(odd), model)) >= _AGAIN * whole
        return agree

    def state(self) -> list[list[Array]]:
        """Everything, as arrays."""
        return [[part.copy() for part in mine] for mine in self._odd]

    def restore(self, state: list[list[Array]]) -> None:
        """Goes on from a `state()`."""
        self._odd = [Sums(*(part.copy() for part in mine)) for mine in state]


def _longest(sums: Sums, model: range) -> Array:
    """The waves of the longest period of a season, [w, d]."""
    return sums.fitted(model)[0][-OF_PERIOD:]


def _product(one: Array, gram: Array, other: Array) -> Array:
    product: Array = (one * (gram @ other)).sum(axis=0)
    return product
