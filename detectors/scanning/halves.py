"""Sums of every other day and of every other week: whether a season is in both halves of its periods."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array

from .hours import Hours
from .sums import Sums
from .waves import BIN, COLUMNS, DAY, OF_PERIOD, SMOOTH, WEEK, Runs

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
        self._hours = [Hours(columns) for _ in _WEEKLY]

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
        hours = when.hours
        for split, by_hour in zip(_WEEKLY, self._hours, strict=True):
            odd = split.is_odd(since)
            if odd.any():
                away = None if held is None else held[0][:, odd]
                by_hour.take(when.bins[odd], hours[odd], when.rows[odd], sums[:, odd], away)

    def hold(self, columns: Mask, away: list[Array], away_sums: list[Array]) -> None:
        """Holds rows of the first days of columns, [d]: sums of odd ones by `DAILY` splits, of waves, [w, d], and scores."""
        for mine, waves, scores in zip(self._odd, away, away_sums, strict=False):
            mine.away[:, columns], mine.away_sums[columns] = waves[: len(mine.away), columns], scores[columns]

    def acquit(self, columns: Mask) -> None:
        """Holds nothing of columns, [d], any more."""
        for mine in self._odd:
            mine.away[:, columns] = mine.away_sums[columns] = 0.0
        for by_hour in self._hours:
            by_hour.let_go(columns)

    def forget(self, columns: Mask) -> None:
        """Takes all that was seen of columns, [d], for noise about 0."""
        self.acquit(columns)
        for mine in self._odd:
            mine.products[:, columns] = 0.0
        for by_hour in self._hours:
            by_hour.forget(columns)

    def agree(self, every: Sums, model: range, season: Array, edge: int = SMOOTH) -> Mask:
        """In which columns, [d], halves show alike what the longest period of a model adds to a season, [w, d].

        With an edge these, and `every`, are of levels of days.
        """
        gram, _ = every.equations(model)
        beside = np.linalg.solve(gram[:-OF_PERIOD, :-OF_PERIOD], gram[:-OF_PERIOD, -OF_PERIOD:])
        own = gram[-OF_PERIOD:, -OF_PERIOD:] - gram[-OF_PERIOD:, :-OF_PERIOD] @ beside
        whole = _product(season[-OF_PERIOD:], own, season[-OF_PERIOD:])
        agree = np.ones(season.shape[1], np.bool_)
        for number, (split, odd) in enumerate(zip(_SPLITS, self._odd, strict=True)):
            if split.columns == len(model):
                if edge != SMOOTH:
                    odd = self._hours[number - len(DAILY)].stairs(odd)(edge)
                one, other = (half.fitted(model)[0][-OF_PERIOD:] for half in (odd, every.without(odd)))
                agree &= _product(one, own, other) >= _AGAIN * whole
        return agree

    def state(self) -> dict[str, Any]:
        """Everything, as arrays."""
        odd = [[part.copy() for part in mine] for mine in self._odd]
        return {"odd": odd, "hours": [by_hour.state() for by_hour in self._hours]}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._odd = [Sums(*(part.copy() for part in mine)) for mine in state["odd"]]
        self._hours = [Hours.restored(len(self._odd[0].away_sums), mine) for mine in state["hours"]]


def _product(one: Array, gram: Array, other: Array) -> Array:
    product: Array = (one * (gram @ other)).sum(axis=0)
    return product
