"""CUSUM: declares a change when deviations from the baseline have added up faster than chance lets them."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from . import Array, Change, Direction, Sees, State, Times, run_lengths
from .baseline import Baseline, Ints

_MODES = ("up", "down", "both")
_SUM, _LOWEST, _ROW, _COUNT = range(4)
"""What each side of a signal carries: its sum; where that was lowest, the row of it and the number of values by then."""


class CUSUM:
    """The cumulative sum chart of Page (1954) for the mean, in standard deviations of the baseline (see baseline.py).

    Deviations smaller than `drift` do not add up; half the change that matters is a good one.  `limit` is how much may add up;
    nothing is declared of the first `minimum` values.  With the defaults a false alarm is to be expected once in some two
    million independent normal values, and an increase of one standard deviation is declared after some 32.

    `allow` holds for independent, normal values, by Siegmund's approximation (1985).

    A signal begins anew from its reference after each of its changes, so a change is declared again while it lasts.  `start`
    is the value after the one at which the sum was last at its lowest (the most likely one, as Page says), `n_reference` and
    `n_current` are the numbers of values up to there, those of the reference included, and since.
    """

    sees: ClassVar[Sees] = "numbers"
    knob: ClassVar[str | None] = "limit"
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(
        self, signals: int, *, drift: float = 0.25, limit: float = 25.0, minimum: int = 30, mode: Direction = "both"
    ) -> None:
        if not 0 <= drift < 4:
            raise ValueError(f"drift must lie in [0, 4), got {drift}")
        if not 0 < limit < np.inf:
            raise ValueError(f"limit must be positive, got {limit}")
        if minimum < 1:
            raise ValueError(f"minimum must be at least 1, got {minimum}")
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
        self._drift, self._minimum, self._mode = drift, minimum, mode
        self._signs = np.array({"up": (1.0,), "down": (-1.0,), "both": (1.0, -1.0)}[mode])
        self._limits = np.full(signals, limit)
        self._allowed = False
        self._baseline = Baseline(signals)
        self._begin(signals)

    def allow(self, run_length: Array) -> None:
        """Sets how much may add up for each signal; `minimum` is not accounted for."""
        self._limits = run_lengths.limit(run_length, self._run_length)
        self._allowed = True

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, nothing is watched."""
        self._baseline.learn(reference)
        self._begin(reference.shape[1])

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite, or beyond 1e100, is missing and does not count."""
        changes: list[Change] = []
        for signals, rows, scores in self._baseline.stretches(values):
            self._take(signals, rows, scores, changes)
        return sorted(changes)

    def state(self) -> State:
        """Everything but settings, run lengths and the reference: 13 numbers a signal."""
        return {
            "rows": self._baseline.rows,
            "baseline": self._baseline.state(),
            "n": self._n.copy(),
            "sides": self._sides.copy(),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._baseline.restore(state["baseline"], state["rows"])
        self._n, self._sides = state["n"].copy(), state["sides"].copy()
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()

    def _begin(self, signals: int) -> None:
        self._n = np.zeros(signals, np.int64)
        self._sides = np.zeros((len(self._signs), 4, signals))
        self._sides[:, _ROW] = -1
        self.statistic = np.full(signals, np.nan)
        """How much has added up, the larger of the sides that are watched."""
        self.threshold = np.full(signals, np.nan)

    def _take(self, signals: Ints, rows: Ints, scores: Array, changes: list[Change]) -> None:
        """Takes scores of some signals, float64[n, c], up to the first change of each; what is left of it goes the same way."""
        standard, sums = self._baseline.standardise(scores, signals)
        walks, lowest = self._walk(signals, standard)
        height = (walks - lowest).max(axis=0)
        n = self._n[signals] + np.arange(1, len(rows) + 1)[:, np.newaxis]
        alarms = (height > self._limits[signals]) & (n >= self._minimum)
        changed = alarms.any(axis=0)
        last, each = np.where(changed, alarms.argmax(axis=0), len(rows) - 1), np.arange(len(signals))
        self._place(signals, rows, lowest, last)
        self._sides[:, _SUM, signals], self._sides[:, _LOWEST, signals] = walks[:, last, each], lowest[:, last, each]
        self._baseline.sums[:, signals], self._n[signals] = sums[:, last, each], n[last, each]
        self._judge(signals, height[last, each])
        for c in np.flatnonzero(changed).tolist():
            at, signal = int(last[c]), int(signals[c])
            changes.append(self._change(signal, int(rows[at]), walks[:, at, c] - lowest[:, at, c]))
            if at + 1 < len(rows):
                self._take(signals[c : c + 1], rows[at + 1 :], scores[at + 1 :, c : c + 1], changes)

    def _walk(self, signals: Ints, standard: Array) -> tuple[Array, Array]:
        """The sums after each value, float64[sides, n, c], and how low they have been."""
        steps = self._signs[:, np.newaxis, np.newaxis] * standard - self._drift
        walks = np.cumsum(np.concatenate((self._sides[:, np.newaxis, _SUM, signals], steps), axis=1), axis=1)[:, 1:]
        return walks, np.minimum.accumulate(np.minimum(walks, self._sides[:, np.newaxis, _LOWEST, signals]), axis=1)

    def _place(self, signals: Ints, rows: Ints, lowest: Array, last: Ints) -> None:
        """Remembers where each sum has been lowest up to its last value, where that is new."""
        before = self._sides[..., signals]
        reached = lowest[:, last, np.arange(len(signals))]
        new, where = reached < before[:, _LOWEST], (lowest == reached[:, np.newaxis]).argmax(axis=1)
        self._sides[:, _ROW, signals] = np.where(new, rows[where], before[:, _ROW])
        self._sides[:, _COUNT, signals] = np.where(new, self._n[signals] + where + 1, before[:, _COUNT])

    def _judge(self, signals: Ints, height: Array) -> None:
        judged = self._n[signals] >= self._minimum
        self.statistic[signals[judged]] = height[judged]
        self.threshold[signals[judged]] = self._limits[signals[judged]]

    def _change(self, signal: int, row: int, heights: Array) -> Change:
        """Declares a change of a signal, and lets it begin anew."""
        side = int(heights.argmax())
        statistic, place = float(heights[side]), self._sides[side, :, signal]
        before, n, reference = (
            int(place[_COUNT]),
            int(self._n[signal]),
            int(self._baseline.sums[0, signal]) - int(self._n[signal]),
        )
        direction: Direction = "up" if self._signs[side] > 0 else "down"
        rarity = float(self._run_length(np.array(statistic))) if self._allowed else math.nan
        start, limit = int(place[_ROW]) + 1, float(self._limits[signal])
        change = Change(row, signal, statistic, limit, direction, start, reference + before, n - before, rarity=rarity)
        self._baseline.forget(signal)
        self._n[signal] = 0
        self._sides[:, :, signal] = 0
        self._sides[:, _ROW, signal] = row
        return change

    def _run_length(self, limits: Array) -> Array:
        return run_lengths.cusum(limits, self._drift, len(self._signs))
