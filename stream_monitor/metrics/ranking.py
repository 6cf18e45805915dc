"""How well scores rank positives above negatives: ROC AUC and average precision of some rows, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.metrics.reading import NOTHING, Reading
from stream_monitor.metrics.score_cells import cells
from stream_monitor.metrics.score_curve import Area, Curve

Floats = npt.NDArray[np.float64]

Sides = tuple[float, float]
"""Positives and negatives."""

_ALL = (math.inf, math.inf)

_TOGETHER = 512
"""Rows that wait to be counted together."""
_NONE = 1e-12
"""The share of all weight that ever came below which what is left is what rounding left."""
_Z = 1.959963984540054


class Ranking:
    """Weights of positives and negatives by score.

    With up to `limit` different scores everything is exact.  Beyond, scores are counted in the cells of a fixed grid, once and
    for good: 24 bytes for each that is in use, 140 kB if all scores lie between 0 and 1, never more than 370 kB, and two thirds
    more where rows have weights.  Scores that share a cell then count as ties; `roc_auc_error` says how much that can matter.
    """

    def __init__(self, limit: int = 2000) -> None:
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        self._limit = limit
        self._exact = True
        self._keys = np.empty(0)
        """Scores, or cells, in order."""
        self._weights = np.empty((2, 0))
        """Of positives and of negatives; once a row weighs other than 1 also the same times the weight of the row."""
        self._squares = [0.0, 0.0]
        """Sums of these over positives and over negatives."""
        self._came = 0.0
        self._waiting: list[Floats] = []
        self._rows = 0

    def add(self, scores: Floats, positive: Floats, negative: Floats) -> None:
        """Adds weights to both sides of some scores, float64[n] each: (w, 0) and (0, w) for labels, (p, 1 - p) for chances.

        Negative weights take back.  Scores that are not finite are left out.
        """
        self._waiting.append(np.array((scores, positive, negative)))
        self._rows += len(scores)
        if self._rows >= _TOGETHER:
            self._settle()

    def merge(self, other: Ranking) -> None:
        """Adds all that another one has counted."""
        self._settle()
        other._settle()
        keys = other._keys
        weights = other._weights
        if len(weights) != len(self._weights):
            self._weights, weights = _with_squares(self._weights), _with_squares(weights)
        if self._exact and (not other._exact or np.count_nonzero(self._unseen(keys)) + len(self._keys) > self._limit):
            self._collapse()
        if other._exact and not self._exact:
            keys = cells(keys).astype(np.float64)
        self._count(keys, weights)
        self._squares = [mine + its for mine, its in zip(self._squares, other._squares)]
        self._came += other._came

    def roc_auc(self) -> Reading:
        """The area under the ROC curve; the interval is Wilson's for the effective n of the larger of two variances.

        These are DeLong's, and that of Hanley and McNeil (1982), which holds where there are few on one side.
        """
        return self._sampled(Curve.roc_auc, _larger)

    def average_precision(self) -> Reading:
        """The average precision; the interval is Wilson's for the effective n of its jackknife variance."""
        return self._sampled(Curve.average_precision, Curve.sampling_variance)

    def expected_roc_auc(self, learnt: Sides = _ALL) -> Reading:
        """The area to expect once labels come, where weights are chances that were learnt from so many outcomes of each side.

        Between low and high is the area that labels will show of these rows, with 95% confidence.
        """
        return self._expected(Curve.roc_auc, learnt)

    def expected_average_precision(self, learnt: Sides = _ALL) -> Reading:
        """The same of the average precision."""
        return self._expected(Curve.average_precision, learnt)

    def roc_auc_error(self) -> float:
        """The most by which the grid can have moved the ROC AUC: 0 while scores are exact."""
        curve = self._curve()
        return 0.0 if self._exact or curve is None else curve.roc_auc_error()

    def average_precision_error(self) -> float:
        """The most by which the grid can have moved the average precision: 0 while scores are exact."""
        curve = self._curve()
        return 0.0 if self._exact or curve is None else curve.average_precision_error()

    def state(self) -> dict[str, Any]:
        """Everything but the limit, as plain values."""
        self._settle()
        return {
            "exact": self._exact, "keys": self._keys.copy(), "weights": self._weights.copy(),
            "squares": list(self._squares), "came": self._came,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._exact, self._keys, self._weights = state["exact"], state["keys"].copy(), state["weights"].copy()
        self._squares, self._came = list(state["squares"]), state["came"]
        self._waiting, self._rows = [], 0

    def _settle(self) -> None:
        """Counts the rows that wait.  When does not matter: each sum takes its rows one after the other."""
        if not self._waiting:
            return
        rows = np.concatenate(self._waiting, axis=1)
        self._waiting, self._rows = [], 0
        rows = rows[:, np.isfinite(rows[0])]
        scores, weights = rows[0] + 0.0, rows[1:]
        size = np.abs(weights[0] + weights[1])
        squares = weights * size
        self._squares = [_onwards(total, side) for total, side in zip(self._squares, squares)]
        self._came = _onwards(self._came, size)
        if len(self._weights) > 2 or (squares != weights).any():
            self._weights, weights = _with_squares(self._weights), np.concatenate((weights, squares))
        stop = self._room(scores) if self._exact else 0
        self._count(scores[:stop], weights[:, :stop])
        if stop < len(scores):
            self._collapse()
            self._count(cells(scores[stop:]).astype(np.float64), weights[:, stop:])

    def _room(self, scores: Floats) -> int:
        """How many rows there are before the first whose score would be one too many."""
        different, first = np.unique(scores, return_index=True)
        new = np.sort(first[self._unseen(different)])
        room = self._limit - len(self._keys)
        return int(new[room]) if len(new) > room else len(scores)

    def _collapse(self) -> None:
        if self._exact:
            scores, weights = self._keys, self._weights
            self._exact, self._keys, self._weights = False, np.empty(0), np.empty((len(weights), 0))
            self._count(cells(scores).astype(np.float64), weights)

    def _count(self, keys: Floats, weights: Floats) -> None:
        different = np.unique(keys)
        new = different[self._unseen(different)]
        if len(new):
            places = np.searchsorted(self._keys, new)
            self._keys = np.insert(self._keys, places, new)
            self._weights = np.insert(self._weights, places, 0.0, axis=1)
        places = np.searchsorted(self._keys, keys)
        for total, amounts in zip(self._weights, weights):
            np.add.at(total, places, amounts)

    def _unseen(self, keys: Floats) -> npt.NDArray[np.bool_]:
        if not len(self._keys):
            return np.ones(len(keys), np.bool_)
        nearest = self._keys[np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)]
        return np.asarray(nearest != keys)

    def _curve(self) -> Curve | None:
        """None where there is nothing on one side, or more was taken back than was there."""
        self._settle()
        least = _NONE * self._came
        if self._weights[:2].min(initial=0.0) < -least or min(self._squares) <= 0:
            return None
        curve = Curve(*np.maximum(_with_squares(self._weights), 0.0))
        return curve if min(curve.positive.sum(), curve.negative.sum()) > least else None

    def _sampled(self, area: Callable[[Curve], Area], variance: Callable[[Curve, Area, Sides], float]) -> Reading:
        curve = self._curve()
        if curve is None:
            return NOTHING
        found, rows = area(curve), self._equal_rows(curve)
        return _reading(found.value, rows, variance(curve, found, rows))

    def _expected(self, area: Callable[[Curve], Area], learnt: Sides) -> Reading:
        curve = self._curve()
        if curve is None:
            return NOTHING
        found, rows = area(curve), self._equal_rows(curve)
        value = found.value + curve.label_shift(found)
        more = max(there / max(taught, 1.0) for there, taught in zip(rows, learnt, strict=True))
        variance = curve.label_variance(found) * (1 + more)
        return _reading(min(max(value, 0.0), 1.0), rows, variance)

    def _equal_rows(self, curve: Curve) -> Sides:
        """As many equally weighted positives and negatives as would say as much (Kish 1965)."""
        sides = zip((curve.positive, curve.negative), self._squares, strict=True)
        positives, negatives = (float(side.sum()) ** 2 / square for side, square in sides)
        return positives, negatives


def _with_squares(weights: Floats) -> Floats:
    """Weights with the squares beside them, which are the same while every row weighs 1."""
    return weights if len(weights) > 2 else np.concatenate((weights, weights))


def _larger(curve: Curve, area: Area, rows: Sides) -> float:
    theta, more = area.value, (rows[0] + rows[1]) / 2 - 1
    hanley = 1 + more * (1 - theta) / (2 - theta) + more * theta / (1 + theta)
    return max(curve.sampling_variance(area, rows), theta * (1 - theta) * hanley / (rows[0] * rows[1]))


def _reading(value: float, rows: Sides, variance: float) -> Reading:
    """With Wilson's interval for as many yes or no as would have that variance; for the rarer side's rows where it has none."""
    within = value * (1 - value)
    n = within / variance if variance > 0 and within > _NONE else min(rows)
    return Reading(value, sum(rows), *_wilson(value, min(n, sum(rows))))


def _onwards(total: float, amounts: Floats) -> float:
    return float(np.cumsum(np.concatenate(([total], amounts)))[-1])


def _wilson(share: float, n: float) -> tuple[float, float]:
    middle, square = share + _Z * _Z / (2 * n), _Z * _Z / n
    half = _Z * math.sqrt(max(share * (1 - share), 0.0) / n + square / (4 * n))
    return max((middle - half) / (1 + square), 0.0), min((middle + half) / (1 + square), 1.0)
