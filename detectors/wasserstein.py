"""Wasserstein: how far the last rows would have to be moved to be distributed as the reference, in the signal's own units."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import ndtri

from . import Array, Change, Sees, State, Times
from .changepoint import split
from .column import present_in
from .heading import heading
from .strided import Strides, level, plan

_SMALLEST_REFERENCE = 50
_BRIDGES = 400
_PLACES = 200
"""Simulated bridges, and the places at which each is taken."""
_SHARES = (1 - np.cos(np.pi * np.arange(2 * _PLACES + 1) / (2 * _PLACES))) / 2
"""The places and the middles between them, as shares of the reference, closest in the tails."""


class Wasserstein:
    """The 1-Wasserstein distance of the last `window` rows from the reference, after every `stride` rows; exact with ties.

    Without a change, sqrt(n·m / (n + m)) times the distance is like the integral of a Brownian bridge's size over the
    reference (del Barrio, Giné and Matrán 1999).  Its upper end is that of a difference of means, so the threshold is taken
    from 400 simulated bridges (seeded) at 5% and continued from there as a mean's would be, skewness included.  At most one
    drift begins by chance in `run_length` rows on average over references, for independent rows; 0.6 to 1.0 were measured at
    20,000 with windows of 500, for uniform, normal, lognormal and t3 values and references of 1,000 to 20,000 rows.

    A drift is declared again at every look while it lasts.  `direction` is the way most of the movement goes, `start` the
    most likely row in the window from which on the mean differs from the reference's.  A signal is not looked at (statistic
    NaN) where fewer than `minimum` of its values in the window are there, or fewer than 50 in its reference.
    """

    sees: ClassVar[Sees] = "numbers"
    knob: ClassVar[str | None] = "run_length"
    learns: ClassVar[bool] = True
    robust: ClassVar[bool] = False

    def __init__(
        self,
        signals: int,
        *,
        window: int = 500,
        stride: int | None = None,
        run_length: float = 1_000_000.0,
        minimum: int | None = None,
    ) -> None:
        stride, minimum = plan(window, stride, minimum, run_length)
        self._window, self._stride, self._minimum = window, stride, minimum
        self._run_length = np.full(signals, float(run_length))
        self.fit(np.empty((0, signals)))

    def allow(self, run_length: Array) -> None:
        """Sets levels by how many rows may pass between two false alarms of each signal, float64[d], infinite for none."""
        self._run_length = run_length.astype(np.float64)
        alpha = np.maximum(level(self._run_length, self._stride, self._window, np.ones(len(run_length))), 1e-300)
        self._height = np.where(np.isfinite(run_length), -ndtri(alpha / 2), np.inf)

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, no signal is looked at."""
        signals = reference.shape[1]
        bridges = _bridges()
        self._known = [_Known.of(column[present_in(column)], bridges) for column in reference.T]
        self._strides = Strides(signals, self._stride)
        self._rows = np.full((self._window, signals), np.nan)
        self._start = np.full(signals, -1)
        self.statistic = np.full(signals, np.nan)
        """The distance at the last look."""
        self.threshold = np.full(signals, np.nan)
        self.allow(self._run_length)

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite, or beyond 1e100, is missing."""
        changes: list[Change] = []
        for end, rows in self._strides.each(values):
            self._rows = np.concatenate((self._rows[self._stride :], rows))
            if end >= self._window:
                changes += self._look(end)
        return changes

    def state(self) -> State:
        """Everything but the settings and the reference: the rows of the window."""
        return {
            "rows": self._strides.rows,
            "waiting": self._strides.waiting,
            "window": self._rows.copy(),
            "start": self._start.copy(),
            "run_length": self._run_length.copy(),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._strides.restore(state["rows"], state["waiting"])
        self._rows, self._start = state["window"].copy(), state["start"].copy()
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()
        self.allow(state["run_length"])

    def _look(self, end: int) -> list[Change]:
        changes: list[Change] = []
        self.statistic[:], self.threshold[:] = np.nan, np.nan
        for signal, known in enumerate(self._known):
            rows = self._rows[:, signal]
            there = present_in(rows)
            window = rows[there]
            if len(window) < self._minimum or len(known.values) < _SMALLEST_REFERENCE:
                continue
            up, down = known.movement(np.sort(window))
            limit = known.limit(len(window), float(self._height[signal]))
            self.statistic[signal], self.threshold[signal] = up + down, limit
            if not up + down > limit:
                self._start[signal] = -1
                continue
            if self._start[signal] < 0:
                self._start[signal] = end - self._window + split(np.where(there, rows, np.nan), known.mean)
            start = int(self._start[signal])
            n, m = len(window), len(known.values)
            changes.append(Change(end - 1, signal, up + down, limit, heading(up, down), start, m, n))
        return changes


class _Known(NamedTuple):
    """What is known of one signal's reference."""

    values: Array
    below: Array
    """Its values, ascending, and the sums of those before each, divided by their number."""
    mean: float
    spread: float
    skewness: float
    excess: float
    """How far the distance, in standard units, is above a mean's at 5%."""

    @classmethod
    def of(cls, column: Array, bridges: Array) -> _Known:
        values = np.sort(column)
        if not len(values):
            return cls(values, np.zeros(1), 0.0, 0.0, 0.0, 0.0)
        below = np.cumsum(np.append(0.0, values)) / len(values)
        mean = float(below[-1])
        scale = float(np.abs(values - mean).max()) or 1.0
        off = (values - mean) / scale
        spread = float(np.sqrt(np.cumsum(off**2)[-1] / len(values)))
        skewness = float(np.cumsum(off**3)[-1]) / len(values) / spread**3 if spread else 0.0
        at = (_SHARES[::2] * (len(values) - 1)).round().astype(np.int64)
        gaps = np.diff(values[at])
        sizes = np.sort(np.cumsum(np.abs(bridges) * gaps[:, np.newaxis], axis=0)[-1])
        excess = float(sizes[int(0.95 * _BRIDGES)]) + float(ndtri(0.025)) * spread * scale
        return cls(values, below, mean, spread * scale, skewness, max(excess, 0.0))

    def limit(self, n: int, height: float) -> float:
        """The distance of n values that is as rare as a normal number of this height, in either direction."""
        m = len(self.values)
        skewed = height + abs(self.skewness) * (height * height - 1) / (6 * n**0.5) if np.isfinite(height) else height
        # Rounding alone makes distances, where all values are one.
        rounding = 1e-12 * float(np.abs(self.values).max())
        return (self.spread * skewed + self.excess) * (1 / n + 1 / m) ** 0.5 + rounding if self.spread else rounding

    def movement(self, window: Array) -> tuple[float, float]:
        """How much of the distance of ascending values is upwards of the reference, and how much downwards."""
        n, m = len(window), len(self.values)
        edges = np.arange(n + 1) / n
        own = np.clip(np.searchsorted(self.values, window, side="right") / m, edges[:-1], edges[1:])
        at, split_at = self._integral(edges), self._integral(own)
        up = window * (own - edges[:-1]) - (split_at - at[:-1])
        down = at[1:] - split_at - window * (edges[1:] - own)
        return max(float(np.cumsum(up)[-1]), 0.0), max(float(np.cumsum(down)[-1]), 0.0)

    def _integral(self, share: Array) -> Array:
        """The integral of the reference's quantiles up to a share."""
        m = len(self.values)
        place = np.minimum((share * m).astype(np.int64), m - 1)
        whole: Array = self.below[place] + self.values[place] * (share - place / m)
        return whole


def _bridges() -> Array:
    """Brownian bridges, float64[places, bridges], at the middles between places."""
    rng = np.random.default_rng(2026)
    steps = rng.normal(size=(2 * _PLACES, _BRIDGES)) * np.sqrt(np.diff(_SHARES))[:, np.newaxis]
    walk = np.cumsum(steps, axis=0)
    bridges: Array = (walk - _SHARES[1:, np.newaxis] * walk[-1])[::2]
    return bridges
