"""The rows and values of one signal, as the plain numbers that sequential detectors loop over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import Array

_LARGEST = 1e100
"""Sums of squares of anything smaller stay finite for as long as a stream can last."""


def present(column: Array, first: int) -> tuple[Sequence[int], list[float]]:
    """The values of float64[n] that are there, and their rows, counted from `first`.

    What is missing, infinite or beyond 1e100 is left out.
    """
    good = np.abs(column) < _LARGEST
    if good.all():
        return range(first, first + len(column)), column.tolist()
    return (np.flatnonzero(good) + first).tolist(), column[good].tolist()
