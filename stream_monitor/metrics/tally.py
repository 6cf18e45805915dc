"""What some outcomes amount to: running sums for all of them and for each segment, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.segments import Hashes
from stream_monitor.metrics.judged import Judged, Terms, weights
from stream_monitor.metrics.ranking import Ranking
from stream_monitor.metrics.reading import Readings
from stream_monitor.metrics.sketch import Sketch

Floats = npt.NDArray[np.float64]
ALL = 0
"""The segment that every outcome is in."""
_FIRST = 4
"""Sums of each segment before the measure's: of weights, of weighted losses and their weighted squares, and of rows."""
_SEGMENT = 500
"""Different scores of a segment up to which its ranking is exact."""


class Measure(Protocol):
    """What is measured of a kind of outcomes."""

    @property
    def width(self) -> int:
        """How many sums it takes."""

    def terms(self, rows: Judged) -> Terms:
        """What rows add to them."""

    def read(self, sums: Floats) -> Readings:
        """All metrics, by name."""


class Tally:
    """Depends on the order of outcomes alone, never on how they were cut."""

    def __init__(self) -> None:
        self.outcomes = 0
        self.sums: dict[int, Floats] = {}
        """Of each segment, float64[4 + the measure's width]."""
        self.rankings: dict[int, Ranking] = {}
        """Of each segment, if the task is binary and there are scores."""
        self.errors: Sketch | None = None
        """Of a regression, prediction less label."""

    def add(self, measure: Measure, rows: Judged, losses: Floats, segments: Hashes) -> None:
        """Takes outcomes, each with its segments, uint64[n, k]; 0 where it has none by a key."""
        self.outcomes += int(rows.sign.sum())
        weight, _ = weights(rows)
        terms = measure.terms(rows)
        first = np.stack((weight, weight * losses, weight * losses * losses, rows.sign))
        columns = np.concatenate((np.broadcast_to(np.arange(_FIRST)[:, None], first.shape), terms.column + _FIRST))
        values = np.concatenate((first, terms.value))
        places = [ALL, *(one for one in np.unique(segments).tolist() if one != ALL)]
        width = _FIRST + measure.width
        matrix = np.stack([self.sums.get(place, np.zeros(width)) for place in places])
        flat = matrix.reshape(-1)
        np.add.at(flat, columns.reshape(-1), values.reshape(-1))
        at = {place: i for i, place in enumerate(places)}
        for key in segments.T:
            distinct, inverse = np.unique(key, return_inverse=True)
            mine = np.array([at[one] for one in distinct.tolist()], np.int64)[inverse] * width
            there = np.flatnonzero(key)
            np.add.at(flat, (columns[:, there] + mine[there]).reshape(-1), values[:, there].reshape(-1))
        self.sums |= dict(zip(places, matrix, strict=True))
        self._rank(rows, weight, segments)

    def regress(self, rows: Judged) -> None:
        """Takes the errors of a regression."""
        self.errors = self.errors or Sketch(signed=True)
        errors = rows.predicted - rows.actual
        self.errors.add(errors[rows.sign > 0])
        self.errors.take_back(errors[rows.sign < 0])

    def carry(self, over: Callable[[Floats], Floats]) -> None:
        """Goes on with the sums of another measure, which is not one that ranks what has come so far."""
        self.sums = {place: np.concatenate((sums[:_FIRST], over(sums[_FIRST:]))) for place, sums in self.sums.items()}
        self.rankings = {}

    def merge(self, other: Tally) -> None:
        """Takes all that another one has."""
        self.outcomes += other.outcomes
        for place, sums in other.sums.items():
            mine = self.sums.get(place)
            self.sums[place] = sums.copy() if mine is None else mine + sums
        for place, ranking in other.rankings.items():
            self._ranking(place).merge(ranking)
        if other.errors is not None:
            self.errors = self.errors or Sketch(signed=True)
            self.errors.merge(other.errors)

    def fold(self, into: Mapping[int, int]) -> None:
        """Adds some segments to others."""
        for place, other in into.items():
            sums, mine = self.sums.pop(place), self.sums.get(other)
            self.sums[other] = sums if mine is None else mine + sums
            if (ranking := self.rankings.pop(place, None)) is not None:
                self._ranking(other).merge(ranking)

    def readings(self, measure: Measure, place: int = ALL) -> Readings:
        """All metrics of a segment, by name; empty where it has no outcomes."""
        sums = self.sums.get(place)
        if sums is None:
            return {}
        found = measure.read(sums[_FIRST:])
        if (ranking := self.rankings.get(place)) is not None:
            found |= {"roc_auc": ranking.roc_auc(), "average_precision": ranking.average_precision()}
        return found

    def loss(self, place: int = ALL) -> tuple[float, float, float]:
        """The weight of a segment's outcomes, the sum of their losses, and that of their squares."""
        sums = self.sums.get(place)
        return (0.0, 0.0, 0.0) if sums is None else (float(sums[0]), float(sums[1]), float(sums[2]))

    def rows(self, place: int) -> int:
        """How many outcomes a segment has, whatever they weigh."""
        return int(self.sums[place][3])

    def measured(self, place: int = ALL) -> Floats:
        """The measure's sums of a segment."""
        return self.sums[place][_FIRST:]

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        width = max(map(len, self.sums.values()), default=0)
        return {
            "outcomes": self.outcomes, "places": list(self.sums),
            "sums": np.concatenate(list(self.sums.values())) if self.sums else np.empty(0), "width": width,
            "rankings": [[place, ranking.state()] for place, ranking in self.rankings.items()],
            "errors": self.errors.state() if self.errors else None,
        }  # fmt: skip

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Tally:
        """From a `state()`."""
        tally = cls()
        tally.outcomes = state["outcomes"]
        rows = state["sums"].reshape(-1, state["width"]) if state["width"] else []
        tally.sums = {place: row.copy() for place, row in zip(state["places"], rows, strict=True)}
        for place, ranking in state["rankings"]:
            tally._ranking(place).restore(ranking)
        if state["errors"]:
            tally.errors = Sketch(signed=True)
            tally.errors.restore(state["errors"])
        return tally

    def _rank(self, rows: Judged, weight: Floats, segments: Hashes) -> None:
        known = ~np.isnan(rows.score)
        if not known.any():
            return
        positive = rows.actual == 1
        columns = rows.score, np.where(positive, weight, 0.0), np.where(positive, 0.0, weight)
        self._ranking(ALL).add(*(column[known] for column in columns))
        for key in segments.T:
            for place in np.unique(key[known]).tolist():
                if place != ALL:
                    mine = known & (key == place)
                    self._ranking(place).add(*(column[mine] for column in columns))

    def _ranking(self, place: int) -> Ranking:
        if place not in self.rankings:
            self.rankings[place] = Ranking() if place == ALL else Ranking(_SEGMENT)
        return self.rankings[place]
