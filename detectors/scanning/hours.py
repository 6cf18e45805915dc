"""Sums by the hour of the week: what levels of days are fitted to, wherever on earth these begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Array

from .sums import Sums
from .waves import HOURS, OF_PERIOD, STAIRS, TABLE, of_hours

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Hours:
    """Of rows of d columns."""

    def __init__(self, columns: int) -> None:
        self.rows = np.zeros(len(TABLE), np.uint32)
        """In each bin of the week."""
        self.scores = np.zeros((HOURS, columns))
        """Their sums in each hour, [h, d]."""
        self._held = np.zeros(0, np.int64)
        """The columns of which rows were held."""
        self._away = np.zeros((HOURS, 0))
        """How many, in each hour, [h, k]."""

    def take(self, bins: Ints, hours: Ints, rows: Ints, sums: Array, away: Array | None) -> None:
        """Takes the sums of runs of rows, float64[d, r], in bins and hours; and how many of these were held."""
        if len(bins) == 1:
            self.rows[bins] += np.uint32(rows[0])
        else:
            np.add.at(self.rows, bins, rows.astype(np.uint32))
        _add(self.scores, hours, sums)
        if away is not None:
            self._make_room(np.flatnonzero(away.any(axis=1)))
            _add(self._away, hours, away[self._held])

    def hold(self, columns: Ints, away: Array) -> None:
        """Holds so many rows of columns, [h, k], and no others."""
        self._make_room(columns)
        self._away[:, np.searchsorted(self._held, columns)] = away

    def stairs(self, sums: Sums) -> Callable[[int], Sums]:
        """What seasons are fitted to where levels of days, which begin at an hour, take the place of waves of the week."""
        days = slice(None, -OF_PERIOD)
        rows = self.rows.astype(np.float64)
        table, by_hour = of_hours(TABLE[:, days] * rows[:, np.newaxis]).T, of_hours(rows)

        def at(edge: int) -> Sums:
            stairs = STAIRS[edge]
            beside, own = table @ stairs, (stairs.T * by_hour) @ stairs
            gram = np.block([[sums.gram[days, days], beside], [beside.T, own]])
            away = np.zeros((OF_PERIOD, self.scores.shape[1]))
            away[:, self._held] = stairs.T @ self._away
            return Sums(
                gram,
                np.vstack((sums.products[days], stairs.T @ self.scores)),
                np.vstack((sums.away[days], away)),
                sums.away_sums,
            )

        return at

    def let_go(self, columns: Mask) -> None:
        """Holds nothing of columns, [d], any more."""
        still = ~columns[self._held]
        self._held, self._away = self._held[still], self._away[:, still]

    def forget(self, columns: Mask) -> None:
        """Takes all that was seen of columns, [d], for noise about 0."""
        self.scores[:, columns] = 0.0
        self.let_go(columns)

    def state(self) -> list[npt.NDArray[Any]]:
        """Everything, as few arrays as there is something to say."""
        if not self.rows.any():
            return []
        return [self.rows.copy(), self.scores.copy(), self._held.copy(), self._away.astype(np.uint32)]

    @classmethod
    def restored(cls, columns: int, state: list[npt.NDArray[Any]]) -> Hours:
        """From a `state()`, of so many columns."""
        hours = cls(columns)
        if state:
            rows, scores, held, away = state
            hours.rows[:], hours.scores[:] = rows, scores
            hours.hold(held, away)
        return hours

    def _make_room(self, columns: Ints) -> None:
        """Has a place for each of some columns."""
        held = np.union1d(self._held, columns)
        if len(held) > len(self._held):
            away = np.zeros((HOURS, len(held)))
            away[:, np.searchsorted(held, self._held)] = self._away
            self._held, self._away = held, away


def _add(table: Array, hours: Ints, values: Array) -> None:
    """Adds values of runs, [d, r], to those of their hours, [h, d]."""
    starts = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(hours[1:] != hours[:-1]) + 1))
    if len(starts) == 1:
        table[hours[0]] += values.sum(axis=1)
        return
    np.add.at(table, hours[starts], np.add.reduceat(values, starts, axis=1).T)
