"""Looks at windows that overlap: when they are due, and at which level each must be for a given run length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import chdtri, ndtr

from . import Array
from .run_lengths import positive


class Strides:
    """Rows that come in any number and are handed on in whole strides."""

    def __init__(self, signals: int, stride: int) -> None:
        self.stride, self.rows = stride, 0
        self._waiting = np.empty((stride, signals))

    @property
    def waiting(self) -> Array:
        """The rows that no stride is made of yet."""
        return self._waiting[: self.rows % self.stride].copy()

    def take(self, values: Array) -> Array:
        """Takes the next rows, float64[n, d]; gives those of the strides that are whole now, which end at row `rows`."""
        inside = self.rows % self.stride
        self.rows += len(values)
        if inside + len(values) < self.stride:
            self._waiting[inside : inside + len(values)] = values
            return self._waiting[:0]
        ready = np.concatenate((self._waiting[:inside], values))
        rest = self.rows % self.stride
        self._waiting[:rest] = ready[len(ready) - rest :]
        return ready[: len(ready) - rest]

    def each(self, values: Array) -> Iterator[tuple[int, Array]]:
        """The same one by one, each with the row before which it ends."""
        ready = self.take(values)
        first = self.rows - self.rows % self.stride - len(ready)
        for at in range(self.stride, len(ready) + 1, self.stride):
            yield first + at, ready[at - self.stride : at]

    def restore(self, rows: int, waiting: Array) -> None:
        """Goes on after `rows` rows, of which these wait."""
        self.rows = rows
        self._waiting[: len(waiting)] = waiting


def plan(window: int, stride: int | None, minimum: int | None, run_length: float) -> tuple[int, int]:
    """The stride and the minimum, a tenth (or a little less, if that does not divide it) and half of the window unless given.

    Raises ValueError where a window does not consist of whole strides, or for what no window can be.
    """
    stride = next(n for n in range(max(1, window // 10), 0, -1) if window % n == 0) if stride is None else stride
    minimum = max(1, window // 2) if minimum is None else minimum
    if window < 20:
        raise ValueError(f"window must be at least 20, got {window}")
    if not 1 <= stride <= window or window % stride:
        raise ValueError(f"stride must divide window ({window}), got {stride}")
    if not 1 <= minimum <= window:
        raise ValueError(f"minimum must lie between 1 and window ({window}), got {minimum}")
    if not run_length > 0:
        raise ValueError(f"run_length must be positive, got {run_length}")
    return stride, minimum


def level(run_length: Array, stride: int, window: int, freedom: Array) -> Array:
    """The level of each look for one alarm that begins in `run_length` rows, for a statistic like chi-square; float64[d].

    Alarms at windows that overlap come in clumps, whose mean size is by the overshoot of a random walk (Siegmund 1985).
    """
    share = np.minimum(stride / positive(run_length), 0.5)
    height = np.maximum(chdtri(freedom, np.maximum(share, 1e-300)) - freedom + 1, 1.0)
    step = np.sqrt(2 * height * stride / window)
    half = ndtr(step / 2)
    overshoot = 2 / step * (half - 0.5) / (step / 2 * half + np.exp(-step * step / 8) / np.sqrt(2 * np.pi))
    alone: Array = np.minimum(height * stride / window * overshoot, 1.0)
    return np.minimum(share / alone, 0.5)
