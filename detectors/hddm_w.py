"""HDDM_W: declares a change when the recent average of errors is above what it was at its lowest by more than a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from . import Array, Change, Direction, Sees, Times
from .one_by_one import OneByOne

_MODES = ("up", "down", "both")


class _Sums(NamedTuple):
    """What one signal carries since its last change.  A share is the sum of the squared weights of an average."""

    n: float = 0.0
    average: float = 0.0
    share: float = 1.0
    low: float = 0.0
    """The average where it was lowest for its bound, with its share, the row and `n` there, and the average since."""
    low_share: float = 1.0
    low_row: float = -1.0
    low_n: float = 0.0
    since_low: float = 0.0
    since_low_share: float = 1.0
    high: float = 0.0
    """The same where it was highest."""
    high_share: float = 1.0
    high_row: float = -1.0
    high_n: float = 0.0
    since_high: float = 0.0
    since_high_share: float = 1.0


class HDDMW(OneByOne[_Sums]):
    """The test of weighted averages of Frías-Blanco and others (2015), by McDiarmid's bound; alarms are those of river.

    Each value has `weight` in an average, the ones before it share the rest.  `confidence` bounds the chance that a comparison
    is wrong, whatever the error rate.  `mode` says whether averages that rise are declared, that fall, or both.  MOA's alarms
    are the same on known streams; it gives the first value the share 1, which river does not.

    A signal begins anew after each of its changes.  `start` is the row after the one at which the average was at its
    extreme, often long before the change; `n_reference` and `n_current` are the numbers of values up to there and since.
    """

    sees: ClassVar[Sees] = "errors"
    knob: ClassVar[str | None] = None
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(self, signals: int, *, confidence: float = 0.001, weight: float = 0.05, mode: Direction = "up") -> None:
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
        if not 0 < weight < 1:
            raise ValueError(f"weight must lie in (0, 1), got {weight}")
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
        super().__init__(signals, _Sums)
        self._weight, self._up, self._down = weight, mode != "down", mode != "up"
        self._log = math.log(1.0 / confidence)

    def allow(self, run_length: Array) -> None:
        """Raises NotImplementedError: a bound for every error rate gives every rate another run length."""
        raise NotImplementedError("HDDM_W's confidence is a setting: how long it runs depends on the error rate")

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: the average is compared with its own extremes."""

    def _run(self, signal: int, rows: Sequence[int], numbers: list[float], at: int) -> tuple[int, Change | None]:
        (
            n, average, share, low, low_share, low_row, low_n, since_low, since_low_share,
            high, high_share, high_row, high_n, since_high, since_high_share,
        ) = self._sums[signal]  # fmt: skip
        weight, keep, log, root, up, down = self._weight, 1.0 - self._weight, self._log, math.sqrt, self._up, self._down
        mine, others = weight * weight, keep * keep
        for i in range(at, len(numbers)):
            value = numbers[i]
            n += 1.0
            average = weight * value + keep * average if n > 1 else value
            share = mine + others * share
            bound = root(share * log / 2.0)
            if not low_n or average + bound < low + root(low_share * log / 2.0):
                low, low_share, low_row, low_n, since_low_share = average, share, rows[i], n, 1.0
            else:
                since_low = weight * value + keep * since_low if n > low_n + 1 else value
                since_low_share = mine + others * since_low_share
            if not high_n or average - bound > high - root(high_share * log / 2.0):
                high, high_share, high_row, high_n, since_high_share = average, share, rows[i], n, 1.0
            else:
                since_high = weight * value + keep * since_high if n > high_n + 1 else value
                since_high_share = mine + others * since_high_share
            if up and n > low_n and since_low - low > root((low_share + since_low_share) * log / 2.0):
                break
            if down and n > high_n and high - since_high > root((high_share + since_high_share) * log / 2.0):
                break
        self._sums[signal] = sums = _Sums(
            n, average, share, low, low_share, low_row, low_n, since_low, since_low_share,
            high, high_share, high_row, high_n, since_high, since_high_share,
        )  # fmt: skip
        return i + 1, self._judge(signal, sums, rows[i])

    def _judge(self, signal: int, s: _Sums, row: int) -> Change | None:
        """Compares the averages since the extremes with those, where they are further from one than the other for its bound."""
        rise = s.since_low - s.low, math.sqrt((s.low_share + s.since_low_share) * self._log / 2.0), s.low_row, s.low_n
        fall = s.high - s.since_high, math.sqrt((s.high_share + s.since_high_share) * self._log / 2.0), s.high_row, s.high_n
        rises, falls = self._up and s.n > s.low_n, self._down and s.n > s.high_n
        if not rises and not falls:
            self.statistic[signal] = self.threshold[signal] = math.nan
            return None
        up = rises and (not falls or rise[0] * fall[1] >= fall[0] * rise[1])
        distance, bound, extreme_row, before = rise if up else fall
        self.statistic[signal], self.threshold[signal] = distance, bound
        if distance <= bound:
            return None
        return Change(
            row, signal, distance, bound, "up" if up else "down", int(extreme_row) + 1, int(before), int(s.n - before)
        )
