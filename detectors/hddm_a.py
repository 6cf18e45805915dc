"""HDDM_A: declares a change when the error rate has left its extreme by more than a bound allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from . import Array, Change, Direction, Sees, Times
from .one_by_one import OneByOne

_MODES = ("up", "down", "both")


class _Sums(NamedTuple):
    """What one signal carries since its last change."""

    n: float = 0.0
    rate: float = 0.0
    low: float = 0.0
    """The rate where it was lowest for its bound, the row of it and `n` there; and below where it was highest."""
    low_row: float = -1.0
    low_n: float = 0.0
    high: float = 0.0
    high_row: float = -1.0
    high_n: float = 0.0


class HDDMA(OneByOne[_Sums]):
    """The test of averages of Frías-Blanco and others (2015), by Hoeffding's bound; alarms are those of river and of MOA.

    `confidence` bounds the chance that one comparison is wrong, whatever the error rate; where errors are rare it is far less.
    `mode` says whether rates that rise are declared, that fall, or both.

    A signal begins anew after each of its changes.  `start` is the row after the one at which the rate was at its extreme,
    often long before the change; `n_reference` and `n_current` are the numbers of values up to there and since.
    """

    sees: ClassVar[Sees] = "errors"
    knob: ClassVar[str | None] = None
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(self, signals: int, *, confidence: float = 0.001, mode: Direction = "up") -> None:
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
        super().__init__(signals, _Sums)
        self._up, self._down = mode != "down", mode != "up"
        self._extreme, self._apart = math.log(1.0 / confidence) / 2.0, math.log(2.0 / confidence) / 2.0

    def allow(self, run_length: Array) -> None:
        """Raises NotImplementedError: a bound for every error rate gives every rate another run length."""
        raise NotImplementedError("HDDM_A's confidence is a setting: how long it runs depends on the error rate")

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: the rate is compared with its own extremes."""

    def _run(self, signal: int, rows: Sequence[int], numbers: list[float], at: int) -> tuple[int, Change | None]:
        n, rate, low, low_row, low_n, high, high_row, high_n = self._sums[signal]
        extreme, apart, root, up, down = self._extreme, self._apart, math.sqrt, self._up, self._down
        for i in range(at, len(numbers)):
            n += 1.0
            rate += (1.0 / n) * (numbers[i] - rate)
            bound = root(extreme / n)
            if not low_n or low + root(extreme / low_n) >= rate + bound:
                low, low_row, low_n = rate, rows[i], n
            if not high_n or high - root(extreme / high_n) <= rate - bound:
                high, high_row, high_n = rate, rows[i], n
            if up and rate > low and rate - low > root(apart * (n - low_n) / low_n / n):
                break
            if down and rate < high and high - rate > root(apart * (n - high_n) / high_n / n):
                break
        self._sums[signal] = sums = _Sums(n, rate, low, low_row, low_n, high, high_row, high_n)
        return i + 1, self._judge(signal, sums, rows[i])

    def _judge(self, signal: int, sums: _Sums, row: int) -> Change | None:
        """Compares the rate with its extremes, where it is further from one than from the other for its bound."""
        n, rate, low, low_row, low_n, high, high_row, high_n = sums
        rise = (rate - low, math.sqrt(self._apart * (n - low_n) / low_n / n)) if self._up else (0.0, 0.0)
        fall = (high - rate, math.sqrt(self._apart * (n - high_n) / high_n / n)) if self._down else (0.0, 0.0)
        up = rise[0] * fall[1] >= fall[0] * rise[1] if rise[1] and fall[1] else rise[1] > 0
        (distance, bound), extreme_row, before = (rise, low_row, low_n) if up else (fall, high_row, high_n)
        self.statistic[signal], self.threshold[signal] = (distance, bound) if bound else (math.nan, math.nan)
        if not bound or distance <= bound:
            return None
        return Change(row, signal, distance, bound, "up" if up else "down", int(extreme_row) + 1, int(before), int(n - before))
