"""Precision, recall and F1 of each class, and their averages over the classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream_monitor.metrics.intervals import average, bounded, effective, overlap, share
from stream_monitor.metrics.judged import Floats
from stream_monitor.metrics.reading import NOTHING, Reading, Readings


class ClassReadings(NamedTuple):
    """Of one class against all others."""

    precision: Reading
    recall: Reading
    f1: Reading
    support: Reading
    """The number of rows with this label, by weight."""


def per_class(matrix: Floats, squares: Floats) -> list[ClassReadings]:
    """Readings of each class, from the sums of weights and of their squares, float64[c, c + 1], in rows the actual class.

    The last class may be many in one, and in the last column are rows that are predicted as another one of them than they are:
    so what is said of it is the micro average over all of them.
    """
    columns = [_sides(one).T.tolist() for one in (matrix, squares)]
    return [_class(*one, *two) for one, two in zip(*columns, strict=True)]


def averages(matrix: Floats, squares: Floats) -> Readings:
    """Macro, micro and weighted precision, recall and F1, as scikit-learn has them.

    Macro is over the classes that are predicted or actual, weighted is by the actual ones; what is not defined counts as 0.
    With one label a row, all micro averages and the weighted recall are the accuracy.
    Intervals of macro averages combine those of the classes, of weighted ones they are by the delta method;
    F1 of one class hangs on that of another, so macro_f1 has the wider of both.
    """
    right, missed, wrong = _sides(matrix)
    seen = right + missed + wrong > 0
    classes = [one for one, there in zip(per_class(matrix, squares), seen, strict=True) if there]
    n = effective(float(matrix.sum()), float(squares.sum()))
    accuracy = _accuracy(matrix, squares)
    return {
        "accuracy": accuracy,
        "macro_precision": average([one.precision for one in classes], n),
        "macro_recall": average([one.recall for one in classes], n),
        "macro_f1": _macro_f1(matrix, squares, [one.f1 for one in classes], n),
        "micro_precision": accuracy,
        "micro_recall": accuracy,
        "micro_f1": accuracy,
        "weighted_precision": _weighted_precision(matrix, squares, n),
        "weighted_recall": accuracy,
        "weighted_f1": _weighted_f1(matrix, squares, n),
    }


def _sides(matrix: Floats) -> Floats:
    """Of each class the right rows, the missed ones and the wrong ones, float64[3, c]."""
    right = np.diagonal(matrix)
    others = matrix - right[:, None] * np.eye(*matrix.shape)
    return np.stack((right, others.sum(1), _folded(others.sum(0))))


def _folded(columns: Floats) -> Floats:
    """What is known of each column by predicted class: the last two are of one."""
    return np.append(columns[:-2], columns[-2] + columns[-1])


def _unfolded(classes: Floats) -> Floats:
    """What is known of each predicted class by column."""
    return np.append(classes, classes[-1])


def _class(right: float, missed: float, wrong: float, right2: float, missed2: float, wrong2: float) -> ClassReadings:
    actual, actual2 = right + missed, right2 + missed2
    return ClassReadings(
        share(right, wrong, right2, wrong2),
        share(right, missed, right2, missed2),
        overlap(right, missed + wrong, right2, missed2 + wrong2),
        Reading(actual, effective(actual, actual2)),
    )


def _accuracy(matrix: Floats, squares: Floats) -> Reading:
    (right, missed, _), (right2, missed2, _) = (_sides(one).sum(1).tolist() for one in (matrix, squares))
    return share(right, missed, right2, missed2)


def _macro_f1(matrix: Floats, squares: Floats, classes: list[Reading], n: float) -> Reading:
    if not n or not classes:
        return NOTHING
    f1, size = _f1(matrix)
    apart = average(classes, n)
    slopes = _over(2 * np.eye(*matrix.shape) - f1[:, None], size[:, None]) - _unfolded(_over(f1, size))
    value = float(f1.sum()) / len(classes)
    delta = bounded(value, _variance(slopes / len(classes), squares), n)
    return Reading(delta.value, n, *_wider(delta, apart))


def _weighted_f1(matrix: Floats, squares: Floats, n: float) -> Reading:
    if not n:
        return NOTHING
    (f1, size), actual = _f1(matrix), matrix.sum(1)
    value = float((f1 * actual).sum() / actual.sum())
    part = _over(actual, size)
    slopes = 2 * part[:, None] * np.eye(*matrix.shape) + (f1 - part * f1)[:, None] - _unfolded(part * f1) - value
    return bounded(value, _variance(slopes / actual.sum(), squares), n)


def _weighted_precision(matrix: Floats, squares: Floats, n: float) -> Reading:
    if not n:
        return NOTHING
    actual, predicted = matrix.sum(1), _folded(matrix.sum(0))
    precision = _over(np.diagonal(matrix), predicted)
    value = float((precision * actual).sum() / actual.sum())
    part = _over(actual, predicted)
    slopes = part[:, None] * np.eye(*matrix.shape) + precision[:, None] - _unfolded(part * precision) - value
    return bounded(value, _variance(slopes / actual.sum(), squares), n)


def _wider(one: Reading, other: Reading) -> tuple[float, float]:
    return min(one.low or 0.0, other.low or 0.0), max(one.high or 0.0, other.high or 0.0)


def _f1(matrix: Floats) -> tuple[Floats, Floats]:
    """F1 of each class, and how many rows are actual plus how many predicted."""
    size = _folded(matrix.sum(0)) + matrix.sum(1)
    return _over(2 * np.diagonal(matrix), size), size


def _variance(slopes: Floats, squares: Floats) -> float:
    """Of what changes so with each cell of the matrix (delta method)."""
    return float((slopes**2 * squares).sum())


def _over(above: Floats, below: Floats) -> Floats:
    return np.where(below > 0, above, 0.0) / np.where(below > 0, below, 1.0)
