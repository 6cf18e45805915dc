"""How well a model tells classes apart: the confusion matrix and what follows from it, and how good its scores are."""

from __future__ import annotations

import numpy as np

from stream_monitor.metrics.averages import ClassReadings, averages, per_class
from stream_monitor.metrics.intervals import share, size
from stream_monitor.metrics.judged import Floats, Ints, Judged, Terms, possible, scatter, weights
from stream_monitor.metrics.reading import Readings

CLIP = float(np.finfo(np.float64).eps)
"""Scores count as at least so much in log_loss, as else one sure and wrong row would be infinite."""
MOST = 200
"""Classes that there can be: 640 kB of sums.  Callers put the rare ones beyond into one."""

_WHOLE = 0.01
_TAIL = 9
_FIVE = np.arange(5)[:, None]


class Multiclass:
    """Metrics of a classifier of `classes` classes, which are numbers from 0 on; rows with others are left out.

    The last may be many in one: where the label is one of these and the prediction another one, it is predicted as `classes`.
    A row counts for log_loss if its scores add up to 1 within 0.01 (a class without a score has 0 then),
    and for top_k_accuracy if it has k scores.
    """

    def __init__(self, classes: int, k: int = 3) -> None:
        if not 2 <= classes <= MOST:
            raise ValueError(f"classes must lie in [2, {MOST}], got {classes}")
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.classes, self.k = classes, k
        self._cells = classes * (classes + 1)
        self.width = 2 * self._cells + _TAIL

    def add(self, sums: Floats, cell: Ints, rows: Judged) -> None:
        """Adds outcomes to sums, float64[cells, width], in place: row i to the sums of `cell[i]`."""
        scatter(sums, cell, self.terms(rows))

    def terms(self, rows: Judged) -> Terms:
        """What `add` adds; for callers that add the same rows to several cells."""
        another = (rows.actual == self.classes - 1) & (rows.predicted == self.classes)
        good = (rows.actual >= 0) & (rows.actual < self.classes) & (rows.predicted >= 0)
        good &= (rows.predicted < self.classes) | another
        actual = np.where(good, rows.actual, 0.0).astype(np.int64)
        weight, square = (one * good for one in weights(rows))
        shape = 9 if rows.scores.shape[1] else 2, len(actual)
        column, value = np.empty(shape, np.int64), np.empty(shape)
        column[0] = actual * (self.classes + 1) + np.where(good, rows.predicted, 0.0).astype(np.int64)
        column[1] = column[0] + self._cells
        value[0], value[1] = weight, square
        if rows.scores.shape[1]:
            self._scored(column, value, rows.scores, actual)
        return Terms(column, value)

    def read(self, sums: Floats) -> Readings:
        """All metrics, by name, from one row of sums; top_k_accuracy only where there are scores, and more than k classes."""
        matrix, squares, (total, total2, loss, loss2, losses2, hit, miss, hit2, miss2) = self._parts(sums)
        readings = averages(matrix, squares) | {"log_loss": size(total, total2, loss, loss2, losses2)}
        if self.classes > self.k and hit + miss > 0:
            readings["top_k_accuracy"] = share(hit, miss, hit2, miss2)
        return readings

    def per_class(self, sums: Floats) -> list[ClassReadings]:
        """Precision, recall, F1 and support of each class, by its number."""
        matrix, squares, _ = self._parts(sums)
        return per_class(matrix, squares)

    def confusion(self, sums: Floats) -> Floats:
        """Weighted counts, float64[classes, classes + 1]: a row for each actual class, a column for each predicted one.

        In the last column are rows whose prediction and label are in the last class, and differ.
        """
        return sums[: self._cells].reshape(self.classes, self.classes + 1).copy()

    def tables(self, sums: Floats) -> Floats:
        """Confusions and those of squared weights, float64[2, classes, classes + 1]."""
        return sums[: 2 * self._cells].reshape(2, self.classes, self.classes + 1)

    def of_scores(self, sums: Floats) -> Floats:
        """The sums that log_loss and top_k_accuracy are read from, in this order."""
        return sums[2 * self._cells :]

    def summed(self, tables: Floats, of_scores: Floats) -> Floats:
        """Sums with these confusions and, as far as they go, these sums of scores."""
        sums = np.zeros(self.width)
        sums[: 2 * self._cells] = tables.reshape(-1)
        sums[2 * self._cells :][: len(of_scores)] = of_scores
        return sums

    def _scored(self, column: Ints, value: Floats, scores: Floats, actual: Ints) -> None:
        """Fills in the seven terms of the scores, below those of the matrix."""
        given = np.isfinite(scores)
        ranked = np.where(given, scores, -np.inf)
        own = np.where(
            actual < scores.shape[1], ranked[np.arange(len(actual)), np.minimum(actual, scores.shape[1] - 1)], -np.inf
        )
        shares = np.cumsum(np.minimum(np.maximum(ranked, 0.0), 2.0), 1)[:, -1]
        loss = -np.log(np.minimum(np.maximum(own, CLIP), 1.0))
        column[2:7] = 2 * self._cells + _FIVE
        column[7] = 2 * self._cells + 5 + (_before(ranked, own, actual) >= self.k)
        column[8] = column[7] + 2
        np.multiply(value[:2], np.abs(shares - 1) <= _WHOLE, out=value[2:4])
        np.multiply(value[2:4], loss, out=value[4:6])
        value[6] = value[5] * loss
        np.multiply(value[:2], given.sum(1) >= self.k, out=value[7:])

    def _parts(self, sums: Floats) -> tuple[Floats, Floats, list[float]]:
        sums = sums if possible(sums[: 2 * self._cells]) else np.zeros(self.width)
        matrix, squares = self.tables(sums)
        return matrix, squares, sums[2 * self._cells :].tolist()


def _before(ranked: Floats, own: Floats, actual: Ints) -> Ints:
    """How many classes are more likely than the actual one; of equally likely ones, those of higher number are."""
    same = (ranked == own[:, None]) & (np.arange(ranked.shape[1]) > actual[:, None])
    before: Ints = ((ranked > own[:, None]) | same).sum(1)
    return before
