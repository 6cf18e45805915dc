"""ADWIN: a window that grows while its values agree in mean, and is cut when an older and a newer part no longer do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from . import Array, Change, Sees, State, Times
from .column import present
from .run_lengths import positive

Mark = tuple[float, float, float, float]
"""The end of a bucket: how many values there are up to it, the row of the last one, their sum, their squared deviations."""

_ORIGIN: Mark = (0.0, -1.0, 0.0, 0.0)
_SHORTEST = 200.0
"""The shortest run length that can be asked for."""
_CURVE, _SLOPE, _LEVEL = 0.0081, 0.6248, -4.6969
"""-log(delta) by the logarithm of the run length, with a clock of 32."""
_STEEPEST = (1 - _SLOPE) / (2 * _CURVE)
"""The logarithm of the run length from which on a tenth of the delta gives ten times the run length."""


class ADWIN:
    """Adaptive windowing of Bifet and Gavaldà (2007), with the cuts, clock and alarms of river.

    The window is looked at after every `clock` values.  `delta` bounds the chance of a false alarm at one look, for
    independent values between 0 and 1; `max_buckets` is how many buckets of one size there may be before two are merged;
    parts of fewer than `min_window_length` values are not compared; nothing is declared up to `grace_period` values.

    `allow` chooses `delta`, which may then be above 1, for independent, standard normal values.  It is fitted for any `clock`
    and the defaults of the other settings, to run lengths from 500 to 4 million (benchmarks/calibration.py).

    As in river, the window begins anew after a change.  `start` is where the part that is kept begins, which can be long before
    or after the change itself; `n_reference` and `n_current` are the values that are dropped and kept, `direction` says
    how their means differ.
    """

    sees: ClassVar[Sees] = "numbers"
    knob: ClassVar[str | None] = "delta"
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(
        self,
        signals: int,
        *,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace_period: int = 10,
    ) -> None:
        if not 0 < delta < 1:
            raise ValueError(f"delta must lie in (0, 1), got {delta}")
        if clock < 1:
            raise ValueError(f"clock must be at least 1, got {clock}")
        if max_buckets < 2:
            raise ValueError(f"max_buckets must be at least 2, got {max_buckets}")
        if min_window_length < 1:
            raise ValueError(f"min_window_length must be at least 1, got {min_window_length}")
        if grace_period < 0:
            raise ValueError(f"grace_period must not be negative, got {grace_period}")
        self._clock, self._shortest, self._grace = clock, min_window_length, grace_period
        self._deltas = [delta] * signals
        self._rows = 0
        self._windows = [_Window(max_buckets) for _ in range(signals)]
        self.statistic = np.full(signals, np.nan)
        """The difference between the means of two parts of the window, at the last look, where it was largest for its bound."""
        self.threshold = np.full(signals, np.nan)
        """That bound."""

    def allow(self, run_length: Array) -> None:
        """Sets `delta` of each signal, which takes effect at its next look; less than 200 values are taken as 200."""
        self._deltas = np.exp(-_strictness(run_length, self._clock)).tolist()

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: the window is compared with itself."""

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite, or beyond 1e100, is missing and does not count."""
        changes: list[Change] = []
        for signal, window in enumerate(self._windows):
            rows, numbers = present(values[:, signal], self._rows)
            at = 0
            while at < len(numbers):
                stop = at + self._clock - window.n % self._clock
                window.append(rows[at:stop], numbers[at:stop])
                at = stop
                if window.n % self._clock == 0:
                    self._look(signal, window, changes)
        self._rows += len(values)
        return sorted(changes)

    def state(self) -> State:
        """Everything but the settings: some 2 kB a signal, more by the logarithm of the window."""
        return {
            "rows": self._rows,
            "levels": [[len(level) for level in window.levels] for window in self._windows],
            "marks": [np.array(window.marks(), np.float64).reshape(-1, len(_ORIGIN)) for window in self._windows],
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`."""
        self._rows = state["rows"]
        for window, lengths, marks in zip(self._windows, state["levels"], state["marks"]):
            window.refill(lengths, [tuple(mark) for mark in marks.tolist()])
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()

    def _look(self, signal: int, window: _Window, changes: list[Change]) -> None:
        window.compress()
        if window.n <= self._grace:
            return
        marks = window.marks()
        difference, bound = self._largest(marks, _ORIGIN, self._deltas[signal])
        self.statistic[signal], self.threshold[signal] = difference, bound
        if difference > bound:
            changes.append(self._change(signal, marks, difference, bound))
            window.clear()

    def _largest(self, marks: list[Mark], dropped: Mark, delta: float) -> tuple[float, float]:
        """The difference of means and its bound at the cut where it is largest for its bound; NaN if there is no cut.

        The cuts are the marks, the window begins after `dropped`, the bound is epsilon_cut of the paper's section 3.
        """
        n_dropped, _, sum_dropped, _ = dropped
        n, total, spread = _since(dropped, marks[-1])
        if n < 2:
            return math.nan, math.nan
        confidence = math.log(2.0 * math.log(n) / delta) if delta else math.inf
        normal, linear = 2.0 * confidence * spread / n, 2.0 / 3.0 * confidence
        shortest, surplus, root = self._shortest, self._shortest - 1.0, math.sqrt
        largest, found, found_bound = -1.0, math.nan, math.nan
        for n_mark, _, sum_mark, _ in marks:
            n_old = n_mark - n_dropped
            n_new = n - n_old
            if n_old < shortest or n_new < shortest:
                continue
            sum_old = sum_mark - sum_dropped
            difference = abs(sum_old / n_old - (total - sum_old) / n_new)
            inverse = 1.0 / (n_old - surplus) + 1.0 / (n_new - surplus)
            bound = root(normal * inverse) + linear * inverse
            if difference > largest * bound:
                largest, found, found_bound = difference / bound, difference, bound
        return found, found_bound

    def _change(self, signal: int, marks: list[Mark], difference: float, bound: float) -> Change:
        """Drops the oldest bucket until the rest agrees."""
        row, dropped, statistic, threshold = int(marks[-1][1]), _ORIGIN, difference, bound
        while difference > bound:
            dropped, marks = marks[0], marks[1:]
            difference, bound = self._largest(marks, dropped, self._deltas[signal])
        n, total, _ = _since(dropped, marks[-1])
        kept_is_larger = total / n > dropped[2] / dropped[0]
        start = int(dropped[1]) + 1
        return Change(row, signal, statistic, threshold, "up" if kept_is_larger else "down", start, int(dropped[0]), int(n))


class _Window:
    """The values since the last change, as sums up to the ends of buckets.

    Merging two buckets is forgetting the mark between them.  Level l holds the ends of buckets of 2 ** l values.
    """

    def __init__(self, max_buckets: int) -> None:
        self._max_buckets = max_buckets
        self.clear()

    def clear(self) -> None:
        self.n = 0
        self.levels: list[list[Mark]] = [[]]

    def append(self, rows: Sequence[int], numbers: list[float]) -> None:
        newest = self.levels[0]
        n, _, total, spread = newest[-1] if newest else _ORIGIN
        for row, value in zip(rows, numbers):
            deviation = value - total / n if n else 0.0
            total += value
            spread += n * deviation * deviation / (n + 1.0)
            n += 1.0
            newest.append((n, row, total, spread))
        self.n = int(n)

    def compress(self) -> None:
        """Merges the oldest two of a size whenever there are more than `max_buckets`, as if done after every value."""
        for size, level in enumerate(self.levels):
            merges = (len(level) - self._max_buckets + 1) // 2
            if merges <= 0:
                return
            if size + 1 == len(self.levels):
                self.levels.append([])
            self.levels[size + 1].extend(level[1 : 2 * merges : 2])
            del level[: 2 * merges]

    def marks(self) -> list[Mark]:
        """All marks, oldest first."""
        return [mark for level in reversed(self.levels) for mark in level]

    def refill(self, lengths: list[int], marks: list[Mark]) -> None:
        """Takes back the `marks()` of a window whose levels had these lengths."""
        oldest_first = iter(marks)
        self.levels = [[next(oldest_first) for _ in range(length)] for length in reversed(lengths)][::-1]
        self.n = int(marks[-1][0]) if marks else 0


def _since(dropped: Mark, last: Mark) -> tuple[float, float, float]:
    """Number, sum and squared deviations of the values after one mark up to another (Chan, Golub and LeVeque 1983)."""
    n, total = last[0] - dropped[0], last[2] - dropped[2]
    if not dropped[0] or not n:
        return n, total, last[3]
    step = total / n - dropped[2] / dropped[0]
    spread = last[3] - dropped[3] - dropped[0] * n / last[0] * step * step
    return n, total, max(spread, 0.0)


def _strictness(run_length: Array, clock: int) -> Array:
    """-log(delta) for a run length: at length, alarms are as frequent as delta is small."""
    log = np.log(np.maximum(positive(run_length), _SHORTEST))
    fitted = np.minimum(log, _STEEPEST)
    rarely = np.interp(math.log2(clock), (0, 3, 5, 7, 9), (0.65, 0.3, 0.0, -0.56, -1.3))
    return np.asarray((_CURVE * fitted + _SLOPE) * fitted + _LEVEL + (log - fitted) + rarely)
