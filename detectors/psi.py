"""PSI: the population stability index of recent rows against the reference, with thresholds that know how many there are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from . import Array, Change, Sees, State, Times
from .binned import Bins, direction
from .strided import Strides, level, plan

Ints = npt.NDArray[np.int64]

_SMALLEST_REFERENCE = 50


class PSI:
    """The population stability index: the divergence of Jeffreys (1946) between the shares of a window and of the reference.

    Bins are the reference's quantiles, fewer where values tie.  An empty bin counts as half a value, so that the index is
    finite; shares are then taken of the new total.  A constant is one bin, of which nothing can be said.  The last `window`
    rows are looked at after every `stride`.

    Without a change, index · n·m / (n + m) is like a chi-square with bins - 1 degrees of freedom, for n values in the window
    and m in the reference (Yurdakul 2018).  The threshold is at the level at which one drift begins by chance in
    `run_length` rows, for independent rows; it is corrected for small bins and for the overlap of windows.  Measured at a
    run length of 20,000, 10 bins and windows of 500: 0.97 of that many drifts begin with a reference of 50,000 rows, 0.74
    with 5,000, 0.63 with 1,000, where most references have none and some have many.

    A drift is declared again at every look while it lasts.  `start` is the stride of the window from which on the shares are
    most likely others than the reference's.  A signal is not looked at (statistic NaN) where fewer than `minimum` of its
    values in the window are there, or fewer than 50 in its reference.
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
        bins: int = 10,
        run_length: float = 1_000_000.0,
        minimum: int | None = None,
    ) -> None:
        if not 2 <= bins <= 100:
            raise ValueError(f"bins must lie between 2 and 100, got {bins}")
        stride, minimum = plan(window, stride, minimum, run_length)
        self._window, self._stride, self._most, self._minimum = window, stride, bins, minimum
        self._run_length = np.full(signals, float(run_length))
        self.fit(np.empty((0, signals)))

    def allow(self, run_length: Array) -> None:
        """Sets levels by how many rows may pass between two false alarms of each signal, float64[d], infinite for none."""
        self._run_length = run_length.astype(np.float64)
        freedom = np.maximum(self._bins.number - 1, 1)
        alpha = level(self._run_length, self._stride, self._window, freedom)
        self._quantile = np.where(np.isfinite(run_length), chdtri(freedom, np.maximum(alpha, 1e-300)), np.inf)

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, no signal is looked at."""
        signals = reference.shape[1]
        self._bins = Bins(reference, self._most)
        self._strides = Strides(signals, self._stride)
        self._blocks = np.zeros((self._window // self._stride, signals, self._most), np.int64)
        self._start = np.full(signals, -1)
        self.statistic = np.full(signals, np.nan)
        """The index at the last look."""
        self.threshold = np.full(signals, np.nan)
        self.allow(self._run_length)

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite is missing.  All of the work is done once in a stride."""
        ready = self._strides.take(values)
        if not len(ready):
            return []
        blocks = self._bins.counts(ready, self._stride)
        end = self._strides.rows // self._stride - len(blocks)
        changes: list[Change] = []
        for block in blocks:
            self._blocks = np.concatenate((self._blocks[1:], block[np.newaxis]))
            end += 1
            if end >= len(self._blocks):
                changes += self._look(end * self._stride)
        return changes

    def state(self) -> State:
        """Everything but the settings and the reference: the counts of each stride in the window."""
        return {
            "rows": self._strides.rows,
            "waiting": self._strides.waiting,
            "blocks": self._blocks.astype(np.uint32),
            "start": self._start.copy(),
            "run_length": self._run_length.copy(),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._strides.restore(state["rows"], state["waiting"])
        self._blocks, self._start = state["blocks"].astype(np.int64), state["start"].copy()
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()
        self.allow(state["run_length"])

    def _look(self, end: int) -> list[Change]:
        window, reference, bins = self._blocks.sum(axis=0), self._bins.reference, self._bins.number
        n, m = window.sum(axis=1), reference.sum(axis=1)
        looked_at = (n >= self._minimum) & (m >= _SMALLEST_REFERENCE)
        size = n * m / np.maximum(n + m, 1)
        limit = self._quantile / np.maximum(size, 1) * (1 + bins / np.maximum(size, 1))
        self.statistic = np.where(looked_at, index(window, reference, bins), np.nan)
        self.threshold = np.where(looked_at, limit, np.nan)
        drifting = self.statistic > self.threshold
        for signal in np.flatnonzero(drifting & (self._start < 0)).tolist():
            self._start[signal] = end - self._stride * self._most_likely(signal)
        self._start[~drifting] = -1
        return [
            Change(
                end - 1, signal, float(self.statistic[signal]), float(self.threshold[signal]),
                direction(window[signal], reference[signal]), int(self._start[signal]), int(m[signal]), int(n[signal]),
                moved="distribution",
            )
            for signal in np.flatnonzero(drifting).tolist()
        ]  # fmt: skip

    def _most_likely(self, signal: int) -> int:
        """How many strides ago the shares became others: the largest likelihood ratio of what came since."""
        since = np.cumsum(self._blocks[::-1, signal], axis=0)
        known = self._bins.reference[signal]
        expected = np.maximum(known, 0.5) / known.sum() * np.maximum(since.sum(axis=1), 1)[:, np.newaxis]
        return int((since * np.log(np.maximum(since, 1) / expected)).sum(axis=1).argmax()) + 1


def index(window: Ints, reference: Ints, bins: Ints) -> Array:
    """The index of counts int64[d, k] against others, of which each signal has so many `bins`; float64[d]."""
    p, q = _shares(window, bins), _shares(reference, bins)
    parts = (p - q) * (np.log(p) - np.log(q))
    return np.cumsum(parts, axis=1)[:, -1]


def _shares(counts: Ints, bins: Ints) -> Array:
    """Shares with half a value in each empty bin; bins that a signal does not have have the same share in all windows."""
    there = np.arange(counts.shape[1]) < bins[:, np.newaxis]
    filled = np.where(there, np.where(counts > 0, counts, 0.5), 0.0)
    shares: Array = np.where(there, filled / np.cumsum(filled, axis=1)[:, -1:], 1.0)
    return shares
