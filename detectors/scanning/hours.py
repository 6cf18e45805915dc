"""Sums by the hour of the week: what levels of days are fitted to, wherever on earth these begin."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array

from .sums import Sums
from .waves import HOURS, OF_PERIOD, STAIRS, TABLE, of_hours

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Hours(NamedTuple):
    """Of rows of d columns."""

    rows: Array
    """In each bin of the week."""
    scores: Array
    """Their sums in each hour, [h, d]."""
    away: Array
    """How many rows were held in each hour, [h, d]."""

    @classmethod
    def none(cls, columns: int) -> Hours:
        """Of no rows."""
        return cls(np.zeros(len(TABLE)), np.zeros((HOURS, columns)), np.zeros((HOURS, columns)))

    def take(self, bins: Ints, hours: Ints, rows: Ints, sums: Array, away: Array | None) -> None:
        """Takes the sums of runs of rows, float64[d, r], in bins and hours; and how many of these were held."""
        if len(bins) == 1:
            self.rows[bins] += rows
        else:
            np.add.at(self.rows, bins, rows)
        _add(self.scores, hours, sums)
        if away is not None:
            _add(self.away, hours, away)

    def without(self, some: Hours) -> Hours:
        """The sums of the other rows than some."""
        return Hours(self.rows - some.rows, self.scores - some.scores, self.away - some.away)

    def stairs(self, sums: Sums, edge: int) -> Sums:
        """What seasons are fitted to where levels of days, which begin at an hour, take the place of waves of the week."""
        stairs, days = STAIRS[edge], slice(None, -OF_PERIOD)
        beside = of_hours(TABLE[:, days] * self.rows[:, np.newaxis]).T @ stairs
        own = (stairs.T * of_hours(self.rows)) @ stairs
        gram = np.block([[sums.gram[days, days], beside], [beside.T, own]])
        products, away = (
            np.vstack((one[days], stairs.T @ more)) for one, more in ((sums.products, self.scores), (sums.away, self.away))
        )
        return Sums(gram, products, away, sums.away_sums)

    def let_go(self, columns: Mask) -> None:
        """Holds nothing of columns, [d], any more."""
        self.away[:, columns] = 0.0

    def forget(self, columns: Mask) -> None:
        """Takes all that was seen of columns, [d], for noise about 0."""
        self.scores[:, columns] = self.away[:, columns] = 0.0

    def state(self) -> list[npt.NDArray[Any]]:
        """Everything, as few arrays as there is something to say."""
        if not self.rows.any():
            return []
        held = np.flatnonzero(self.away.any(axis=0))
        return [self.rows.astype(np.uint32), self.scores.copy(), held, self.away[:, held].astype(np.uint32)]

    @classmethod
    def restored(cls, columns: int, state: list[npt.NDArray[Any]]) -> Hours:
        """From a `state()`, of so many columns."""
        hours = cls.none(columns)
        if state:
            rows, scores, held, away = state
            hours.rows[:], hours.scores[:] = rows, scores
            hours.away[:, held] = away
        return hours


def _add(table: Array, hours: Ints, values: Array) -> None:
    """Adds values of runs, [d, r], to those of their hours, [h, d]."""
    starts = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(hours[1:] != hours[:-1]) + 1))
    if len(starts) == 1:
        table[hours[0]] += values.sum(axis=1)
        return
    np.add.at(table, hours[starts], np.add.reduceat(values, starts, axis=1).T)
