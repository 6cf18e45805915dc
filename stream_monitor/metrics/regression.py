"""How far a model's numbers are from the truth."""

from __future__ import annotations

import math

import numpy as np

from stream_monitor.metrics.intervals import effective, mean, size, student
from stream_monitor.metrics.judged import Floats, Ints, Judged, Terms, scatter, weights
from stream_monitor.metrics.reading import NOTHING, Reading, Readings
from stream_monitor.watching.judge import LARGEST

_WIDTH = 26
_COLUMNS = np.arange(_WIDTH)[:, None]
_ROUNDING = 2.0**-52


class Regression:
    """Metrics of a regression.

    Sums are of differences from `origin`, which belongs to them: the nearer it is to the labels, the less is rounded.
    r2 loses a digit for each factor of 3 between their distance to it and their spread; from 1,000 on it has no interval.
    """

    width = _WIDTH

    def __init__(self, origin: float = 0.0) -> None:
        if not abs(origin) <= LARGEST:
            raise ValueError(f"origin must lie within {LARGEST:g}, got {origin}")
        self._origin = origin

    def add(self, sums: Floats, cell: Ints, rows: Judged) -> None:
        """Adds outcomes to sums, float64[cells, width], in place: row i to the sums of `cell[i]`."""
        scatter(sums, cell, self.terms(rows))

    def terms(self, rows: Judged) -> Terms:
        """What `add` adds; for callers that add the same rows to several cells."""
        near = (np.abs(rows.actual) <= LARGEST) & (np.abs(rows.predicted) <= LARGEST)
        actual, predicted = np.where(near, rows.actual, 0.0), np.where(near, rows.predicted, 0.0)
        weight, square = (one * near for one in weights(rows))
        value = np.empty((_WIDTH, len(actual)))
        error, level = predicted - actual, actual - self._origin
        off = np.abs(error)
        _products(value[:9], weight, square, error, off)
        _levels(value[9:18], weight, square, level, error)
        _ratios(value[18:], weight, square, off, actual, predicted)
        column = np.empty(value.shape, np.int64)
        column[:] = _COLUMNS
        return Terms(column, value)

    def read(self, sums: Floats) -> Readings:
        """All metrics, by name, from one row of sums.

        mape and smape are shares, not percent; smape is the mean of 2 |p - a| / (|p| + |a|), and 0 where both are 0.
        mape leaves out rows whose label is 0, or so near to it that the error is more than 1e60 times as large.
        """
        w, ww, off, off2, error, error2, _, squared2, _ = sums[:9].tolist()
        level, _, level2, levels2, *_, cross2 = sums[9:18].tolist()
        smape, smape2, smapes2, apart, apart2, mape, mape2, mapes2 = sums[18:].tolist()
        bias = mean(w, ww, error, error2, squared2)
        actual = mean(w, ww, level, level2, levels2)
        predicted = mean(w, ww, error + level, error2 + level2, squared2 + 2 * cross2 + levels2)
        return {
            "mae": size(w, ww, off, off2, squared2),
            "rmse": _rmse(sums),
            "bias": bias,
            "mape": size(apart, apart2, mape, mape2, mapes2),
            "smape": size(w, ww, smape, smape2, smapes2),
            "r2": _r2(sums),
            "mean_actual": _moved(actual, self._origin),
            "mean_predicted": _moved(predicted, self._origin),
        }


def origin(labels: Floats) -> float:
    """The first of these labels that can be summed; 0 if there is none."""
    near = labels[np.abs(labels) <= LARGEST]
    return float(near[0]) if len(near) else 0.0


def _products(value: Floats, weight: Floats, square: Floats, error: Floats, off: Floats) -> None:
    squared = error * error
    value[0], value[1] = weight, square
    value[2], value[3] = weight * off, square * off
    value[4], value[5] = weight * error, square * error
    value[6], value[7] = weight * squared, square * squared
    value[8] = value[7] * squared


def _levels(value: Floats, weight: Floats, square: Floats, level: Floats, error: Floats) -> None:
    value[0] = weight * level
    value[1] = value[0] * level
    value[2] = square * level
    value[3] = value[2] * level
    value[4] = value[3] * level
    value[5] = value[4] * level
    value[8] = value[2] * error
    value[6] = value[8] * error
    value[7] = value[6] * level


def _ratios(value: Floats, weight: Floats, square: Floats, off: Floats, actual: Floats, predicted: Floats) -> None:
    both, true = np.abs(predicted) + np.abs(actual), np.abs(actual)
    symmetric = 2 * off / np.where(both > 0, both, 1.0)
    apart = (true > 0) & (off * (1 / LARGEST) <= true)
    relative = np.where(apart, off, 0.0) / np.where(apart, true, 1.0)
    value[0], value[1] = weight * symmetric, square * symmetric
    value[2] = value[1] * symmetric
    value[3], value[4] = weight * apart, square * apart
    value[5], value[6] = value[3] * relative, value[4] * relative
    value[7] = value[6] * relative


def _rmse(sums: Floats) -> Reading:
    value, n, low, high = size(*sums[[0, 1, 6, 7, 8]].tolist())
    if value is None:
        return NOTHING
    return Reading(math.sqrt(value), n, low and math.sqrt(low), high and math.sqrt(high))


def _r2(sums: Floats) -> Reading:
    """One less the error's share of the variance; the interval is of the logarithm of that share, by the delta method."""
    w, ww, _, _, _, _, rest, rest2, rest4, level, levels, *moments = sums[:17].tolist()
    if not (n := effective(w, ww)):
        return NOTHING
    center = level / w
    total = levels - center * level
    if total <= levels * _ROUNDING * (n + 100):
        return Reading(None, n)
    share, fourth = max(rest / total, 0.0), _fourth(moments, center, ww)
    if n <= 1 or fourth is None:
        return Reading(1 - share, n)
    if rest <= 0:
        return Reading(1.0, n, 1.0, 1.0)
    both = moments[5] - 2 * center * moments[4] + center * center * rest2
    variance = rest4 / rest / rest - 2 * both / rest / total + fourth / total / total
    factor = math.exp(min(student(n) * math.sqrt(max(variance, 0.0) * n / (n - 1)), 700.0))
    return Reading(1 - share, n, 1 - share * factor, 1 - share / factor)


def _fourth(moments: list[float], center: float, ww: float) -> float | None:
    """The sum of w²(a - center)⁴ from those of w²a to w²a⁴; None where that is mostly rounding."""
    one, two, three, four = moments[:4]
    fourth = four - 4 * center * three + 6 * center**2 * two - 4 * center**3 * one + center**4 * ww
    return fourth if fourth > 1e-12 * (four + center**4 * ww) else None


def _moved(reading: Reading, by: float) -> Reading:
    value, n, low, high = reading
    return Reading(
        None if value is None else value + by, n, None if low is None else low + by, None if high is None else high + by
    )
