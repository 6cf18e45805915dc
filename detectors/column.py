"""The rows and values of one signal, as the plain numbers that sequential detectors loop over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import Array

_LARGEST = 1e100
"""Sums of squares of anything smaller stay finite for as long as a stream can last."""


def present(column: Array, first: int) -> tuple[Sequence[int], list[float]]:
    """The values of float64[n] that are there, and their rows, counted from `first`.

    What is missing, infinite or beyond 1e100 is left out.
    """
    return _kept(column, present_in(column), first)


def errors(column: Array, first: int) -> tuple[Sequence[int], list[float]]:
    """The zeros and ones of float64[n], and their rows, counted from `first`; anything else is left out."""
    return _kept(column, (column == 0) | (column == 1), first)


def present_in(values: Array) -> npt.NDArray[np.bool_]:
    """Which values are there: neither missing nor infinite nor beyond 1e100."""
    return np.abs(values) < _LARGEST


def _kept(column: Array, good: npt.NDArray[np.bool_], first: int) -> tuple[Sequence[int], list[float]]:
    if good.all():
        return range(first, first + len(column)), column.tolist()
    return (np.flatnonzero(good) + first).tolist(), column[good].tolist()
