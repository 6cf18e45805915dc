"""DDM: declares a change when the error rate is well above the lowest it has been."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from . import Array, Change, Sees, Times
from .one_by_one import OneByOne


class _Sums(NamedTuple):
    """What one signal carries since its last change."""

    n: float = 0.0
    rate: float = 0.0
    lowest: float = np.inf
    """The lowest that rate and standard deviation together have been, and below what they, the row and `n` were there."""
    lowest_rate: float = 0.0
    lowest_deviation: float = 0.0
    lowest_row: float = -1.0
    lowest_n: float = 0.0


class DDM(OneByOne[_Sums]):
    """The drift detection method of Gama, Medas, Castillo and Rodrigues (2004); alarms are those of river and of MOA.

    The error rate and its standard deviation are at their lowest together at some row; a change is declared when their sum is
    more than the rate and `threshold` deviations were there.  Nothing is declared of the first `minimum` values, nor of a rate
    that falls.  As published, the first error after nothing but `minimum` successes is a change.

    A signal begins anew after each of its changes.  `start` is the row after the lowest one, often long before the change;
    `n_reference` and `n_current` are the numbers of values up to there and since.
    """

    sees: ClassVar[Sees] = "errors"
    knob: ClassVar[str | None] = None
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(self, signals: int, *, minimum: int = 30, threshold: float = 3.0) -> None:
        if minimum < 1:
            raise ValueError(f"minimum must be at least 1, got {minimum}")
        if not 1 < threshold < np.inf:
            raise ValueError(f"threshold must be above 1, got {threshold}")
        super().__init__(signals, _Sums)
        self._minimum, self._factor = minimum, threshold

    def allow(self, run_length: Array) -> None:
        """Raises NotImplementedError: chance alarms come early or hardly ever, as the lowest rate can only get lower."""
        raise NotImplementedError("DDM's threshold is a setting: how long it runs depends on the error rate and its beginning")

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: the rate is compared with its own lowest."""

    def _run(self, signal: int, rows: Sequence[int], numbers: list[float], at: int) -> tuple[int, Change | None]:
        n, rate, lowest, lowest_rate, lowest_deviation, lowest_row, lowest_n = self._sums[signal]
        minimum, factor, root, level, limit = self._minimum, self._factor, math.sqrt, math.nan, math.nan
        for i in range(at, len(numbers)):
            n += 1.0
            rate += (1.0 / n) * (numbers[i] - rate)
            if n <= minimum:
                continue
            deviation = root(rate * (1.0 - rate) / n)
            level = rate + deviation
            if level <= lowest:
                lowest, lowest_rate, lowest_deviation, lowest_row, lowest_n = level, rate, deviation, rows[i], n
            limit = lowest_rate + factor * lowest_deviation
            if level > limit:
                break
        self._sums[signal] = _Sums(n, rate, lowest, lowest_rate, lowest_deviation, lowest_row, lowest_n)
        if n > minimum:
            self.statistic[signal], self.threshold[signal] = level, limit
        if not level > limit:
            return i + 1, None
        before = int(lowest_n)
        return i + 1, Change(rows[i], signal, level, limit, "up", int(lowest_row) + 1, before, int(n) - before)
