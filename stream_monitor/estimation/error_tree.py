"""How large an error is to be expected by features: a regression tree, as plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DEPTH = 6
"""A tree has at most 127 nodes."""
_LEAST = 30
"""Rows of a leaf."""


class ErrorTree(NamedTuple):
    """Nodes, the root first; one array each, [m]."""

    feature: Ints
    """What a node looks at; -1 for a leaf."""
    threshold: Floats
    """Up to it rows go left."""
    left: Ints
    right: Ints
    missing: Ints
    """Where rows without that feature go: to the side that had more."""
    error: Floats
    """The mean of a leaf."""

    def expected(self, rows: Floats) -> Floats:
        """The mean error where each row ends, float64[n], of rows float64[n, d]."""
        node, every = np.zeros(len(rows), np.int64), np.arange(len(rows))
        for _ in range(_DEPTH + 1):
            feature = self.feature[node]
            value = rows[every, feature]
            side = np.where(value <= self.threshold[node], self.left[node], self.right[node])
            side = np.where(np.isnan(value), self.missing[node], side)
            node = np.where(feature < 0, node, side)
        return self.error[node]


def grown(rows: Floats, errors: Floats) -> ErrorTree:
    """The tree of rows, float64[n, d], NaN where missing, and their errors, float64[n]."""
    parts: list[tuple[int, Ints]] = [(0, np.arange(len(errors)))]
    columns: list[tuple[float, ...]] = []
    for depth, part in parts:
        split = _split(rows[part], errors[part]) if depth < _DEPTH else None
        if split is None:
            columns.append((-1, 0.0, 0, 0, 0, _mean(errors[part])))
            continue
        feature, threshold = split
        value, left = rows[part, feature], len(parts)
        to_left, to_right = value <= threshold, value > threshold
        more = int(np.count_nonzero(to_right) > np.count_nonzero(to_left))
        sides = [to_left, to_right]
        sides[more] = sides[more] | np.isnan(value)
        parts += [(depth + 1, part[side]) for side in sides]
        columns.append((feature, threshold, left, left + 1, left + more, 0.0))
    feature_of, threshold_of, *to, error = (np.array(column) for column in zip(*columns))
    left_to, right_to, missing_to = (side.astype(np.int64) for side in to)
    return ErrorTree(feature_of.astype(np.int64), threshold_of.astype(np.float64), left_to, right_to, missing_to, error)


def _split(rows: Floats, errors: Floats) -> tuple[int, float] | None:
    """The feature and the threshold that leave the least variance; None where there is nothing to split."""
    if len(errors) < 2 * _LEAST:
        return None
    order = np.argsort(rows, axis=0, kind="stable")
    value, n = np.take_along_axis(rows, order, axis=0), np.arange(1, len(errors))[:, None]
    known = np.count_nonzero(~np.isnan(rows), axis=0)
    total = np.cumsum((errors - _mean(errors))[order], axis=0)
    whole = total[np.maximum(known, 1) - 1, np.arange(rows.shape[1])]
    below, rest = total[:-1], np.maximum(known - n, 1)
    gain = below**2 / n + (whole - below) ** 2 / rest - whole**2 / np.maximum(known, 1)
    gain[(n < _LEAST) | (known - n < _LEAST) | ~(value[:-1] < value[1:])] = 0.0
    at, feature = np.unravel_index(int(np.argmax(gain)), gain.shape)
    return (int(feature), float(value[at, feature])) if gain[at, feature] > 0 else None


def _mean(errors: Floats) -> float:
    return float(np.cumsum(errors)[-1]) / len(errors)
