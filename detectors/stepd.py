"""STEPD: declares a change when the last errors are significantly more or less frequent than all before them."""

from __future__ import annotations

import math
from collections import deque
from typing import ClassVar

import numpy as np
from scipy.special import ndtri

from . import Array, Change, Direction, Sees, State, Times
from .column import errors

_MODES = ("up", "down", "both")


class STEPD:
    """The test of equal proportions of Nishida and Yamauchi (2007), with MOA's arithmetic, window and level.

    The last `window` values are compared with all before them, at least as many, by the normal approximation with correction
    for continuity, two-sided at level `alpha`.  `mode` says whether rates that rise are declared, that fall, or both.
    MOA forgets the sign of a difference that the correction turns around; here that is no difference.

    A signal begins anew after each of its changes.  `start` is the row of the oldest of the last values, `n_reference` and
    `n_current` are the numbers of the values that are compared.
    """

    sees: ClassVar[Sees] = "errors"
    knob: ClassVar[str | None] = None
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(self, signals: int, *, window: int = 30, alpha: float = 0.003, mode: Direction = "both") -> None:
        if window < 2:
            raise ValueError(f"window must be at least 2, got {window}")
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
        self._window, self._limit = window, float(-ndtri(alpha / 2))
        self._up, self._down = mode != "down", mode != "up"
        self._rows = 0
        self._sides = [_Sides(window) for _ in range(signals)]
        self.statistic = np.full(signals, np.nan)
        """The difference of the rates, corrected for continuity, in standard deviations; below 0 where it is not watched."""
        self.threshold = np.full(signals, np.nan)

    def allow(self, run_length: Array) -> None:
        """Raises NotImplementedError: how far counts in a short window are from normal depends on the error rate."""
        raise NotImplementedError("STEPD's alpha is a setting: how long it runs depends on the error rate")

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: errors are compared with those before them."""

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is neither 0 nor 1 is missing and does not count."""
        changes: list[Change] = []
        for signal, sides in enumerate(self._sides):
            z = math.nan
            for row, value in zip(*errors(values[:, signal], self._rows)):
                sides.append(row, value)
                if sides.n_old < self._window:
                    continue
                z, rises = sides.compare()
                if not (self._up if rises else self._down):
                    z = -abs(z)
                if z > self._limit:
                    self._judge(signal, z)
                    changes.append(Change(
                        row, signal, z, self._limit, "up" if rises else "down", sides.recent[0][0], sides.n_old, self._window
                    ))  # fmt: skip
                    sides.clear()
            if not math.isnan(z):
                self._judge(signal, z)
        self._rows += len(values)
        return sorted(changes)

    def state(self) -> State:
        """Everything but the settings: the rows and values of the window."""
        return {
            "rows": self._rows,
            "old": np.array([(sides.n_old, sides.errors_old) for sides in self._sides], np.int64).reshape(-1, 2),
            "recent": [np.array(sides.recent, np.int64).reshape(-1, 2) for sides in self._sides],
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`."""
        self._rows = state["rows"]
        for sides, (n_old, errors_old), recent in zip(self._sides, state["old"].tolist(), state["recent"]):
            sides.refill(n_old, errors_old, recent.tolist())
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()

    def _judge(self, signal: int, z: float) -> None:
        self.statistic[signal], self.threshold[signal] = z, self._limit


class _Sides:
    """The last errors and successes of one signal, and how many there were before."""

    def __init__(self, window: int) -> None:
        self._window = window
        self.clear()

    def clear(self) -> None:
        self.refill(0, 0, [])

    def refill(self, n_old: int, errors_old: int, recent: list[list[int]]) -> None:
        self.n_old, self.errors_old = n_old, errors_old
        self.recent = deque((row, value) for row, value in recent)
        self._errors = sum(value for _, value in recent)

    def append(self, row: int, value: float) -> None:
        error = int(value)
        self.recent.append((row, error))
        self._errors += error
        if len(self.recent) > self._window:
            oldest = self.recent.popleft()[1]
            self._errors -= oldest
            self.errors_old += oldest
            self.n_old += 1

    def compare(self) -> tuple[float, bool]:
        """By how many standard deviations the rates differ, and whether errors have become more frequent."""
        n_old, n_new = self.n_old, self._window
        difference, inverse = self._errors / n_new - self.errors_old / n_old, 1 / n_old + 1 / n_new
        rate = (self._errors + self.errors_old) / (n_old + n_new)
        deviation = math.sqrt(rate * (1 - rate) * inverse)
        return (abs(difference) - inverse / 2) / deviation if deviation else 0.0, difference > 0
