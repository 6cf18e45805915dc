"""MMD: how far recent rows are from the reference's, all features together, by the means of random features."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from . import Array, Change, Sees, State, Times
from .scaled import Scaled, there
from .strided import Strides, level, plan

Ints = npt.NDArray[np.int64]

_FEATURES = 100
_FIXED = 2.0**24
"""Features are summed as whole multiples of 1 / this, so that sums do not depend on cuts."""
_SMALLEST_REFERENCE = 200


class MMD:
    """The maximum mean discrepancy of Gretton et al. (2012) over random Fourier features (Rahimi and Recht 2007).

    Rows are scaled by the reference's medians and quartiles, missing values are at the median; the kernel is Gaussian, its
    width the median distance of reference rows.  The last `window` rows are looked at after every `stride`, in time linear
    in the rows.

    Without a change n·m / (n + m) times the statistic is a weighted sum of chi-squares.  Its first three moments (Liu, Tang
    and Zhang 2009) are those of resampling the reference in blocks of `block` rows, so dependence within a block is allowed
    for.  One drift begins by chance in `run_length` rows on average over references: at 4,000, with windows of 500 and 2 or
    20 normal features, 0.4 to 0.5 were measured with a reference of 1,000 rows and 0.6 to 0.8 with 5,000; with features that
    persist (autocorrelation .5) 0.8 to 1.4.

    A drift is declared again at every look while it lasts.  Changes are of signal 0 and both ways; `start` is the stride of
    the window from which on rows are most different.  Nothing is looked at (statistic NaN) with fewer than `minimum` rows in
    the window, or fewer than 200 in the reference.
    """

    sees: ClassVar[Sees] = "rows"
    knob: ClassVar[str | None] = "run_length"
    learns: ClassVar[bool] = True
    robust: ClassVar[bool] = True

    def __init__(
        self,
        signals: int,
        *,
        window: int = 500,
        stride: int | None = None,
        block: int = 10,
        run_length: float = 1_000_000.0,
        minimum: int | None = None,
    ) -> None:
        if block < 1:
            raise ValueError(f"block must be at least 1, got {block}")
        stride, minimum = plan(window, stride, minimum, run_length)
        self._window, self._stride, self._block, self._minimum = window, stride, block, minimum
        self._run_length = np.array([float(run_length)])
        self.fit(np.empty((0, signals)))

    def allow(self, run_length: Array) -> None:
        """Sets the level by how many rows may pass between two false alarms, float64[1], infinite for none."""
        self._run_length = run_length.astype(np.float64)
        mean, spread, freedom = self._moments
        alpha = level(self._run_length, self._stride, self._window, np.array([freedom]))
        quantile = float(chdtri(freedom, max(float(alpha[0]), 1e-300)))
        limit = mean + spread * (quantile - freedom) / (2 * freedom) ** 0.5
        self._limit = limit if np.isfinite(run_length[0]) else np.inf

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, nothing is looked at."""
        signals = reference.shape[1]
        known = reference[there(reference)]
        self._scaled = Scaled(reference)
        self._weights = _weights(self._scaled(known))
        features = self._features(known)
        self._known, self._moments = len(known), _moments(features / _FIXED, self._block)
        self._sums = features.sum(axis=0)
        self._strides = Strides(signals, self._stride)
        self._blocks = np.zeros((self._window // self._stride, features.shape[1] + 1), np.int64)
        self._start = -1
        self.statistic = np.full(1, np.nan)
        """The squared discrepancy at the last look."""
        self.threshold = np.full(1, np.nan)
        self.allow(self._run_length)

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; rows without any value are missing."""
        changes: list[Change] = []
        for end, rows in self._strides.each(values):
            present = rows[there(rows)]
            block = np.append(self._features(present).sum(axis=0), len(present))
            self._blocks = np.concatenate((self._blocks[1:], block[np.newaxis]))
            if end >= self._window:
                changes += self._look(end)
        return changes

    def importance(self) -> Array:
        """How much each feature has to do with the present distance, float64[d], of sum 1: by how its mean and spread moved.

        A change of how features go together, and no feature by itself, shows in the statistic only.  NaN before a look.
        """
        signals = self._weights.shape[0]
        n = int(self._blocks[:, -1].sum())
        if np.isnan(self.statistic[0]):
            return np.full(signals, np.nan)
        moved = np.abs(self._blocks[:, :-1].sum(axis=0) / n - self._sums / self._known)[2 * _FEATURES :] / _FIXED
        both = moved[:signals] + moved[signals:]
        shares: Array = both / max(float(np.cumsum(both)[-1]), 1e-300)
        return shares

    def state(self) -> State:
        """Everything but the settings and the reference: the sums of each stride in the window."""
        return {
            "rows": self._strides.rows,
            "waiting": self._strides.waiting,
            "blocks": self._blocks.copy(),
            "start": self._start,
            "run_length": self._run_length.copy(),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._strides.restore(state["rows"], state["waiting"])
        self._blocks, self._start = state["blocks"].copy(), state["start"]
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()
        self.allow(state["run_length"])

    def _features(self, rows: Array) -> Ints:
        """Cosines and sines of random projections, then tanh of each value and of its size, as whole numbers."""
        scaled = self._scaled(rows)
        angles = np.zeros((len(rows), _FEATURES))
        for column, weights in zip(scaled.T, self._weights):
            angles += column[:, np.newaxis] * weights
        marginal = np.tanh(scaled / 2), np.tanh(np.abs(scaled) / 2)
        return np.rint(np.column_stack((np.cos(angles), np.sin(angles), *marginal)) * _FIXED).astype(np.int64)

    def _look(self, end: int) -> list[Change]:
        n, m = int(self._blocks[:, -1].sum()), self._known
        if n < self._minimum or m < _SMALLEST_REFERENCE:
            self.statistic[:], self.threshold[:] = np.nan, np.nan
            return []
        since = np.cumsum(self._blocks[::-1], axis=0)
        weight, distance = since[:, -1] * m / (since[:, -1] + m), self._distances(since)
        self.statistic[0], self.threshold[0] = distance[-1], self._limit / weight[-1]
        if not self.statistic[0] > self.threshold[0]:
            self._start = -1
            return []
        if self._start < 0:
            self._start = end - self._stride * (int((weight * distance).argmax()) + 1)
        return [
            Change(
                end - 1, 0, float(self.statistic[0]), float(self.threshold[0]), "both", self._start, m, n, moved="distribution"
            )
        ]

    def _distances(self, sums: Ints) -> Array:
        """The squared discrepancies of sums, the number of rows last, int64[k, features + 1]; float64[k]."""
        means = sums[:, : 2 * _FEATURES] / np.maximum(sums[:, -1:], 1)
        apart = (means - self._sums[: 2 * _FEATURES] / self._known) / _FIXED
        return np.cumsum(apart * apart, axis=1)[:, -1] / _FEATURES


def _weights(scaled: Array) -> Array:
    """Frequencies of a Gaussian kernel as wide as the median distance between rows, float64[d, features]."""
    rng = np.random.default_rng(2026)
    frequencies = rng.normal(size=(scaled.shape[1], _FEATURES))
    if len(scaled) < 2 or not scaled.shape[1]:
        return frequencies
    pairs = rng.integers(0, len(scaled), (2, 1000))
    distances = np.sqrt(np.cumsum((scaled[pairs[0]] - scaled[pairs[1]]) ** 2, axis=1)[:, -1])
    weights: Array = frequencies / (round(float(np.median(distances)), 6) or 1.0)
    return weights


def _moments(features: Array, block: int) -> tuple[float, float, float]:
    """Mean, standard deviation and degrees of freedom of what the statistic is like, by sums of blocks of the reference.

    Traces of powers of an estimated covariance are too large by what its noise adds; that is taken off.
    """
    k = len(features) // block
    if k < 10:
        return 0.0, 0.0, 1.0
    blocks = features[: k * block, : 2 * _FEATURES].reshape(k, block, -1).sum(axis=1) / (block * _FEATURES) ** 0.5
    off = blocks - blocks.mean(axis=0)
    covariance = off.T @ off / (k - 1)
    square = covariance @ covariance
    first = float(np.trace(covariance))
    second = max(float(np.trace(square)) - first**2 / k, first**2 / (2 * _FEATURES))
    third = float((square * covariance).sum()) - 3 * first * second / k - first**3 / k**2
    freedom = second**3 / max(third, second**2 / max(first, 1e-300), 1e-300) ** 2
    return round(first, 9), round((2 * second) ** 0.5, 9), round(max(freedom, 1.0), 6)
