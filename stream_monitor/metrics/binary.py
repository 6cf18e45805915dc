"""How well a model tells positive from negative: confusion, costs, and how good its scores are as probabilities."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream_monitor.metrics.intervals import Z, average, effective, mean, overlap, share, size, within
from stream_monitor.metrics.judged import Floats, Ints, Judged, Terms, possible, scatter, weights
from stream_monitor.metrics.reading import NOTHING, Reading, Readings

CLIP = float(np.finfo(np.float64).eps)
"""Scores count as at least so far from 0 and 1 in log_loss, as in scikit-learn: else one sure and wrong row were infinite."""
BINS = 10
"""Bins of equal width for ece; a score between two belongs to the upper one."""

_SQUARES, _SCORED, _BINS = 6, 12, 19
_LOG_LOSSES = 5


class Costs(NamedTuple):
    """What an outcome costs, in money; a gain is negative."""

    tp: float
    fp: float
    fn: float
    tn: float


class Binary:
    """Metrics of a binary classifier.

    Several classes may be negative: where the label is one of these and the prediction another one, it is predicted as -1, and
    wrong in accuracy; all other metrics tell positive from negative only.
    A score that is missing or outside [0, 1] leaves its row out of log_loss, brier and ece, as their n shows.
    """

    classes = 2
    width = _BINS + 3 * BINS

    def __init__(self, costs: Costs | None = None) -> None:
        if costs is not None and not all(map(math.isfinite, costs)):
            raise ValueError(f"costs must be finite, got {costs}")
        self._costs = costs

    def add(self, sums: Floats, cell: Ints, rows: Judged) -> None:
        """Adds outcomes to sums, float64[cells, width], in place: row i to the sums of `cell[i]`."""
        scatter(sums, cell, self.terms(rows))

    def terms(self, rows: Judged) -> Terms:
        """What `add` adds; for callers that add the same rows to several cells."""
        weight, square = weights(rows)
        positive = rows.actual == 1
        known = (rows.score >= 0) & (rows.score <= 1)
        score = np.where(known, rows.score, 0.5)
        loss = -np.log(np.maximum(np.where(positive, score, 1 - score), CLIP))
        gap = score - positive
        brier = gap * gap
        column = np.empty((12, len(weight)), np.int64)
        value = np.empty((12, len(weight)))
        column[0] = 3 * positive + (rows.predicted == 1) + 2 * (rows.predicted == -1)
        column[1] = column[0] + _SQUARES
        column[2:9] = _SEVEN
        column[9:] = _BINS + 3 * np.minimum(score * BINS, BINS - 1).astype(np.int64) + _THREE
        value[0], value[1] = weight, square
        value[2], value[3] = weight * known, square * known
        value[4], value[5] = value[2] * loss, value[3] * loss
        value[6] = value[5] * loss
        value[7], value[11] = value[2] * brier, value[3] * brier
        value[8] = value[11] * brier
        value[9], value[10] = value[2] * gap, value[3] * gap
        return Terms(column, value)

    def read(self, sums: Floats) -> Readings:
        """All metrics, by name, from one row of sums."""
        sums = sums if possible(sums[:_SCORED]) else np.zeros(self.width)
        (table, another), (squares, another2) = _table(sums[:_SQUARES]), _table(sums[_SQUARES:_SCORED])
        readings = {"accuracy": _accuracy(table, squares, another, another2)} | _rates(table, squares) | _scores(sums)
        if self._costs is not None:
            readings["cost"] = _cost(table, squares, self._costs)
        return readings

    def confusion(self, sums: Floats) -> Floats:
        """Weighted counts, float64[2, 3]: a row for each actual class and a column for each predicted one, negative first.

        In the last column are rows whose prediction and label are negative, and differ.
        """
        return sums[:_SQUARES].reshape(2, 3).copy()

    def tables(self, sums: Floats) -> Floats:
        """Confusions and those of squared weights, float64[2, 2, 3]."""
        return sums[:_SCORED].reshape(2, 2, 3)

    def of_scores(self, sums: Floats) -> Floats:
        """The sums that log_loss is read from, which are the same where there are many classes."""
        return sums[_SCORED : _SCORED + _LOG_LOSSES]

    def summed(self, tables: Floats, of_scores: Floats) -> Floats:
        """Sums with these confusions and no scores: what else these would say is not in sums of many classes."""
        sums = np.zeros(self.width)
        sums[:_SCORED] = tables.reshape(-1)
        return sums


_SEVEN, _THREE = np.arange(_SCORED, _BINS)[:, None], np.arange(3)[:, None]


class _Table(NamedTuple):
    tn: float
    fp: float
    fn: float
    tp: float


def _table(cells: Floats) -> tuple[_Table, float]:
    """Counts of negatives and positives, and how many of the former are predicted as another negative class."""
    tn, fp, another, fn, tp, _ = cells.tolist()
    return _Table(tn + another, fp, fn, tp), another


def _accuracy(table: _Table, squares: _Table, another: float, another2: float) -> Reading:
    wrong, wrong2 = table.fp + table.fn + another, squares.fp + squares.fn + another2
    return share(table.tp + table.tn - another, wrong, squares.tp + squares.tn - another2, wrong2)


def _rates(table: _Table, squares: _Table) -> Readings:
    tn, fp, fn, tp = table
    tn2, fp2, fn2, tp2 = squares
    recall, specificity = share(tp, fn, tp2, fn2), share(tn, fp, tn2, fp2)
    return {
        "precision": share(tp, fp, tp2, fp2),
        "recall": recall,
        "specificity": specificity,
        "f1": overlap(tp, fp + fn, tp2, fp2 + fn2),
        "mcc": _mcc(table, squares),
        "balanced_accuracy": _balanced(recall, specificity, effective(sum(table), sum(squares))),
        "predicted_positive_rate": share(tp + fp, tn + fn, tp2 + fp2, tn2 + fn2),
        "actual_positive_rate": share(tp + fn, tn + fp, tp2 + fn2, tn2 + fp2),
    }


def _balanced(recall: Reading, specificity: Reading, n: float) -> Reading:
    if recall.value is None or specificity.value is None:
        return Reading(None, n)
    return average((recall, specificity), n)


def _mcc(table: _Table, squares: _Table) -> Reading:
    """Matthews' correlation; the interval by the delta method on Fisher's scale, with half a row more in each cell.

    The half row (Haldane, Anscombe) is what makes it known where no row is wrong.  A window may take back more than it adds.
    """
    n = effective(sum(table), sum(squares))
    table, squares = (_Table(*(max(cell, 0.0) for cell in one)) for one in (table, squares))
    value = _correlation(table)
    if value is None:
        return Reading(None, n)
    row = sum(squares) / sum(table)
    table = _Table(*(cell + row / 2 for cell in table))
    squares = _Table(*(cell + row * row / 2 for cell in squares))
    center = _correlation(table) or 0.0
    variance = sum(slope**2 * square for slope, square in zip(_slopes(table, center), squares, strict=True))
    half = Z * math.sqrt(variance) / (1 - center * center)
    low, high = math.tanh(math.atanh(center) - half), math.tanh(math.atanh(center) + half)
    return Reading(value, n, min(low, value), max(high, value))


def _correlation(table: _Table) -> float | None:
    tn, fp, fn, tp = table
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product > 0 else None


def _slopes(table: _Table, value: float) -> _Table:
    """How much the correlation changes for each cell that grows by one."""
    tn, fp, fn, tp = table
    predicted, actual, not_predicted, not_actual = tp + fp, tp + fn, tn + fn, tn + fp
    root = math.sqrt(predicted * actual) * math.sqrt(not_predicted * not_actual)
    half = value / 2
    return _Table(
        tn=tp / root - half * (1 / not_predicted + 1 / not_actual),
        fp=-fn / root - half * (1 / predicted + 1 / not_actual),
        fn=-fp / root - half * (1 / not_predicted + 1 / actual),
        tp=tn / root - half * (1 / predicted + 1 / actual),
    )


def _cost(table: _Table, squares: _Table, costs: Costs) -> Reading:
    money = (costs.tn, costs.fp, costs.fn, costs.tp)
    x = sum(w * one for w, one in zip(table, money, strict=True))
    squares_x = sum(w * one for w, one in zip(squares, money, strict=True))
    squares_xx = sum(w * one * one for w, one in zip(squares, money, strict=True))
    return mean(sum(table), sum(squares), x, squares_x, squares_xx)


def _scores(sums: Floats) -> Readings:
    total, squares, loss, squares_loss, squares_losses, brier, squares_briers = sums[_SCORED:_BINS].tolist()
    bins = sums[_BINS:].reshape(BINS, 3)
    squares_brier = float(bins[:, 2].sum())
    return {
        "log_loss": size(total, squares, loss, squares_loss, squares_losses),
        "brier": within(size(total, squares, brier, squares_brier, squares_briers)),
        "ece": _ece(bins, total, squares),
    }


def _ece(bins: Floats, total: float, squares: float) -> Reading:
    """Expected calibration error: by how much mean score and rate of positives differ in a bin, averaged over rows.

    It is too high by chance, at most by the mean size of the noise.  The lower end of the interval allows for all of that,
    so that the interval is rather too wide.
    """
    if not (n := effective(total, squares)):
        return NOTHING
    gap, squares_gap, noise = bins.T
    value = float(np.abs(gap).sum()) / total
    spread = float((noise - 2 * value * np.sign(gap) * squares_gap).sum()) + value**2 * squares
    half = Z * math.sqrt(max(spread, 0.0)) / total
    chance = math.sqrt(2 / math.pi) * float(np.sqrt(np.maximum(noise, 0.0)).sum()) / total
    return within(Reading(value, n, max(value - chance - half, 0.0), value + half))
