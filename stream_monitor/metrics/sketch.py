"""Quantiles within 1% in little memory: counts of numbers that share sign, exponent and first mantissa bits.

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
    """Counts numbers; those that are missing or infinite are not counted, and without `signed` neither are negative ones.

    What is taken back may have been counted by another one that this is to be merged with: `quantile` goes by counts above 0.

    It takes 64 counts for each doubling that the numbers span: a thousand for six decades, 131,000 a sign for all there are.
    """

    def __init__(self, signed: bool = False) -> None:
        self.n = 0
        self._least = -np.inf if signed else 0.0
        self._counts: dict[int, int] = {}

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Takes numbers, float64[n]."""
        good = values[(values >= self._least) & (np.abs(values) < np.inf)]
        if not len(good):
            return
        self._count(good, 1)

    def take_back(self, values: npt.NDArray[np.float64]) -> None:
        """Takes numbers back, float64[n], that were or are yet to be counted."""
        self._count(values[(values >= self._least) & (np.abs(values) < np.inf)], -1)

    def merge(self, other: Sketch) -> None:
        """Takes all numbers that another one has counted."""
        if self._least > other._least:
            raise ValueError("a sketch without signs cannot take one with signs")
        self.n += other.n
        for cell, count in other._counts.items():
            self._counts[cell] = self._counts.get(cell, 0) + count

    def quantile(self, q: float) -> float | None:
        """The number that a share q of all is not above, within 1%; None if there is none."""
        there = sorted((cell, count) for cell, count in self._counts.items() if count > 0)
        wanted, seen = max(1, int(np.ceil(q * sum(count for _, count in there)))), 0
        for cell, count in there:
            seen += count
            if seen >= wanted:
                return _middle(cell)
        return None

    def parts(self, n: int) -> list[float]:
        """The middles of so many parts of equal size, in their order; empty if there are no numbers."""
        cells = np.array(sorted(self._counts), np.int64)
        seen = np.cumsum([self._counts[cell] for cell in cells.tolist()])
        wanted = (np.arange(n) + 0.5) / n * self.n
        return [_middle(cell) for cell in cells[np.searchsorted(seen, wanted)].tolist()] if self.n else []

    def mean(self) -> float | None:
        """The mean, within 1% of the mean size; None if there is none."""
        if not self.n:
            return None
        total = 0.0
        for cell in sorted(self._counts):
            total += _middle(cell) * self._counts[cell]
        return total / self.n

    def _count(self, values: npt.NDArray[np.float64], times: int) -> None:
        self.n += times * len(values)
        cells = _cells(values)
        if len(cells) <= _FEW:
            for cell in cells.tolist():
                self._counts[cell] = self._counts.get(cell, 0) + times
            return
        cells, counts = np.unique(cells, return_counts=True)
        for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
            self._counts[cell] = self._counts.get(cell, 0) + times * count

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"n": self.n, "cells": list(self._counts), "counts": list(self._counts.values())}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.n, self._counts = state["n"], dict(zip(state["cells"], state["counts"], strict=True))


def _cells(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Numbers in the order of the values: 0 is in the first of the positive ones, below it are the negative ones."""
    cells = np.abs(values).view(np.int64) >> _SHIFT
    return np.where(values < 0, ~cells, cells)


def _middle(cell: int) -> float:
    if cell < 0:
        return -_middle(~cell)
    if cell == 0:
        return 0.0
    return float(np.int64((2 * cell + 1) << int(_SHIFT - 1)).view(np.float64))
