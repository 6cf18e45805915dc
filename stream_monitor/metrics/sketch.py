"""Quantiles of positive numbers within 1% in little memory: counts of numbers that share exponent and first mantissa bits.

The idea is HdrHistogram's (Tene).  Counts are integers, so the order and the cut of the numbers never matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_FEW = 32
_SHIFT = np.int64(52 - 6)
"""Six bits of mantissa: cells are 1.6% wide, and their middles within 0.8%."""


class Sketch:
    """Counts numbers; those that are missing, infinite or negative are not counted."""

    def __init__(self) -> None:
        self.n = 0
        self._counts: dict[int, int] = {}

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Takes numbers, float64[n]."""
        good = values[(values >= 0) & (values < np.inf)]
        if not len(good):
            return
        self.n += len(good)
        cells = (good + 0.0).view(np.int64) >> _SHIFT
        if len(cells) <= _FEW:
            for cell in cells.tolist():
                self._counts[cell] = self._counts.get(cell, 0) + 1
            return
        cells, counts = np.unique(cells, return_counts=True)
        for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
            self._counts[cell] = self._counts.get(cell, 0) + count

    def quantile(self, q: float) -> float | None:
        """The number that a share q of all is not above, within 1%; None if there is none."""
        if not self.n:
            return None
        wanted, seen = max(1, int(np.ceil(q * self.n))), 0
        for cell in sorted(self._counts):
            seen += self._counts[cell]
            if seen >= wanted:
                break
        return _middle(cell)

    def mean(self) -> float | None:
        """The mean, within 1%; None if there is none."""
        if not self.n:
            return None
        total = 0.0
        for cell in sorted(self._counts):
            total += _middle(cell) * self._counts[cell]
        return total / self.n

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"n": self.n, "cells": list(self._counts), "counts": list(self._counts.values())}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.n, self._counts = state["n"], dict(zip(state["cells"], state["counts"], strict=True))


def _middle(cell: int) -> float:
    if cell == 0:
        return 0.0
    low, high = np.array([cell << int(_SHIFT), (cell + 1) << int(_SHIFT)], np.int64).view(np.float64)
    return float((low + high) / 2)
