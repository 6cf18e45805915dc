"""Domain classifier: whether a model can tell recent rows from the reference's, and by which features."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import expit, ndtri
from scipy.stats import rankdata

from . import Array, Change, Sees, State, Times
from .changepoint import split
from .scaled import Scaled, there
from .strided import Strides, level, plan

_SMALLEST_REFERENCE = 200
_RIDGE = 1.0
_STEPS = 6
"""Newton steps; six are enough for what a ridge of 1 leaves to be found."""
_DIGITS = 6


class DomainClassifier:
    """The classifier two-sample test (Lopez-Paz and Oquab 2017): logistic regression of window against reference.

    It sees every feature and its square, scaled by the reference's medians and quartiles; missing values are at the median.
    Two halves, of every other eighth of the window, are scored each by the model of the other; the statistic is the mean
    area under their ROC curves.  Without a change, that of each half has the variance (n + m + 1) / (12·n·m) of Mann and
    Whitney (1947), so one drift begins by chance in `run_length` rows, if rows are independent: 0.9 to 1.25 were measured
    at 4,000 with 2 and 20 normal features, 1.7 to 2.1 with features that persist (autocorrelation .5).  Only `sample`
    rows of the reference, evenly spread, are compared with.  The last `window` rows are looked at after every `stride`.

    A drift is declared again at every look while it lasts.  Changes are of signal 0 and both ways; `start` is the most
    likely row in the window from which on scores are higher than the reference's.  Nothing is looked at (statistic NaN) with
    fewer than `minimum` rows in the window, or fewer than 200 in the reference.
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
        sample: int = 1000,
        run_length: float = 1_000_000.0,
        minimum: int | None = None,
    ) -> None:
        if sample < _SMALLEST_REFERENCE:
            raise ValueError(f"sample must be at least {_SMALLEST_REFERENCE}, got {sample}")
        halves = window // 2 if window % 2 == 0 else window
        stride, minimum = plan(window, halves if stride is None else stride, minimum, run_length)
        self._window, self._stride, self._sample, self._minimum = window, stride, sample, minimum
        self._run_length = np.array([float(run_length)])
        self.fit(np.empty((0, signals)))

    def allow(self, run_length: Array) -> None:
        """Sets the level by how many rows may pass between two false alarms, float64[1], infinite for none."""
        self._run_length = run_length.astype(np.float64)
        alpha = float(level(2 * self._run_length, self._stride, self._window, np.ones(1))[0])
        self._height = -float(ndtri(max(alpha, 1e-300))) if np.isfinite(run_length[0]) else np.inf

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, nothing is looked at."""
        signals = reference.shape[1]
        known = reference[there(reference)]
        some = np.arange(min(len(known), self._sample)) * len(known) // max(min(len(known), self._sample), 1)
        self._scaled = Scaled(reference)
        self._known = self._features(known[some])
        self._strides = Strides(signals, self._stride)
        self._rows = np.full((self._window, signals), np.nan)
        self._weights = np.full(2 * signals, np.nan)
        self._start = -1
        self.statistic = np.full(1, np.nan)
        """The area under the curve at the last look: 0.5 where rows cannot be told apart."""
        self.threshold = np.full(1, np.nan)
        self.allow(self._run_length)

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; rows without any value are missing."""
        changes: list[Change] = []
        for end, rows in self._strides.each(values):
            self._rows = np.concatenate((self._rows[self._stride :], rows))
            if end >= self._window:
                changes += self._look(end)
        return changes

    def importance(self) -> Array:
        """How much the classifier relies on each feature, float64[d], of sum 1: its weight and its square's, scaled.

        NaN before a look.
        """
        size = np.abs(self._weights)
        both = size[: len(size) // 2] + size[len(size) // 2 :]
        shares: Array = both / np.maximum(np.cumsum(both)[-1:], 1e-300)
        return shares

    def state(self) -> State:
        """Everything but the settings and the reference: the rows of the window."""
        return {
            "rows": self._strides.rows,
            "waiting": self._strides.waiting,
            "window": self._rows.copy(),
            "weights": self._weights.copy(),
            "start": self._start,
            "run_length": self._run_length.copy(),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._strides.restore(state["rows"], state["waiting"])
        self._rows, self._weights, self._start = state["window"].copy(), state["weights"].copy(), state["start"]
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()
        self.allow(state["run_length"])

    def _features(self, rows: Array) -> Array:
        scaled = self._scaled(rows)
        return np.column_stack((scaled, np.minimum(scaled * scaled, 25.0)))

    def _look(self, end: int) -> list[Change]:
        present = there(self._rows)
        window, known = self._features(self._rows[present]), self._known
        n, m = len(window), len(known)
        if n < self._minimum or m < _SMALLEST_REFERENCE:
            self.statistic[:], self.threshold[:] = np.nan, np.nan
            return []
        areas, weights, scores = [], [], np.full(self._window, np.nan)
        stretch, places = np.arange(n) * 8 // n % 2, np.flatnonzero(present)
        for half in (0, 1):
            fitted = _fit(known[1 - half :: 2], window[stretch != half])
            mine, others = _score(fitted, window[stretch == half]), _score(fitted, known[half::2])
            areas.append(_area(mine, others))
            weights.append(fitted[1:])
            scores[places[stretch == half]] = mine - float(others.mean())
        self._weights = (weights[0] + weights[1]) / 2
        variance = (n / 2 + m / 2 + 1) / (12 * n / 2 * m / 2) / 2
        self.statistic[0], self.threshold[0] = sum(areas) / 2, 0.5 + self._height * variance**0.5
        if not self.statistic[0] > self.threshold[0]:
            self._start = -1
            return []
        if self._start < 0:
            self._start = end - self._window + split(scores, before=0.0)
        return [
            Change(
                end - 1, 0, float(self.statistic[0]), float(self.threshold[0]), "both", self._start, m, n, moved="distribution"
            )
        ]


def _fit(known: Array, window: Array) -> Array:
    """Intercept and weights that tell the window's rows from the reference's, classes weighted alike, rounded.

    Sums are einsum's: the threads of a BLAS cost more than they save here, and change the order of sums.
    """
    rows = np.concatenate((known, window))
    columns = np.ascontiguousarray(np.column_stack((np.ones(len(rows)), rows)).T)
    sizes = len(known), len(window)
    wanted = np.repeat((0.0, 1.0), sizes)
    weight = np.repeat((0.5 * len(rows) / sizes[0], 0.5 * len(rows) / sizes[1]), sizes)
    beta, ridge = np.zeros(len(columns)), np.full(len(columns), _RIDGE)
    ridge[0] = 1e-6
    for _ in range(_STEPS):
        chance = expit(np.einsum("in,i->n", columns, beta))
        gradient = np.einsum("in,n->i", columns, weight * (wanted - chance)) - ridge * beta
        curvature = np.einsum("in,jn->ij", columns * (weight * np.maximum(chance * (1 - chance), 1e-3)), columns)
        beta = np.clip(beta + np.linalg.solve(curvature + np.diag(ridge), gradient), -50, 50)
    fitted: Array = np.round(beta, _DIGITS)
    return fitted


def _score(fitted: Array, rows: Array) -> Array:
    """Log-odds, summed feature by feature and rounded, so that they are the same in any order of rows."""
    score = np.full(len(rows), fitted[0])
    for weight, column in zip(fitted[1:], rows.T):
        score += weight * column
    rounded: Array = np.round(score, _DIGITS)
    return rounded


def _area(window: Array, known: Array) -> float:
    """The share of pairs of rows in which the window's scores higher, ties by half."""
    n, m = len(window), len(known)
    ranks = rankdata(np.concatenate((window, known)))
    return float((np.cumsum(ranks[:n])[-1] - n * (n + 1) / 2) / (n * m))
