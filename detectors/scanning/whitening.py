"""Takes seasons and autocorrelation out of scores, with a fit that grows with the stream."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors import Array, Times

from .autoregression import Autoregression, fit
from .scores import UNIT
from .seasons import Seasons

LAGS = 24
GROWTH = 1.25
"""The fit is made again whenever there are so many times as many values."""
SCALE = 65_536.0
"""Whitened values are in whole units of 1/65,536 standard deviation."""
_COEFFICIENT = 2.0**14
_CHUNK = 256
_STILL = 2e-3
_FEW = 64
"""Rows up to which all columns are filtered at once, lag by lag."""


class Whitening:
    """Of d columns of scores, float64[d, n], in `UNIT`s: their residuals, in units of `SCALE` to a standard deviation.

    A fit uses only what came before it.  Everything that is summed is a whole number, so cuts change nothing.
    """

    def __init__(self, columns: int, lags: int, seasons: Seasons) -> None:
        self.rows = 0
        self.lags, self.seasons = lags, seasons
        self._sums = np.zeros(columns)
        self._lagged = np.zeros((columns, lags + 1))
        self._head = np.zeros((columns, lags))
        self._tail = np.zeros((columns, lags))
        """The last values, before the first one of `_pending`."""
        self._pending = np.zeros((columns, 0))
        """Values that are not in the sums yet."""
        self._last = np.zeros((columns, lags))
        """The last values without their season, for the filter."""
        self.refit()

    def refit(self) -> None:
        """Fits everything to what has come so far."""
        self._sum_up(self._pending.shape[1])
        columns = len(self._sums)
        self.seasons.refit()
        self.fitted = max(self.rows, 1)
        self.mean = self._sums / self.fitted
        """Of the scores that the fit has seen, [d]."""
        self.gain = np.zeros(columns)
        """Twice the log likelihood by which the past explains the present, [d]."""
        if self.rows <= 2 * self.lags:
            nothing = np.zeros(columns)
            self.model = Autoregression(np.zeros((columns, self.lags)), nothing.astype(np.int64), nothing + 1, nothing, nothing)
        else:
            covariances = self._autocovariances()
            model = fit(covariances, float(self.rows), self.seasons.regressors)
            self.gain = self.rows * np.log(covariances[:, 0] / np.maximum(model.noise, 1e-6) ** 2)
            # What never varies has no scale of its own: then one unit of score is one standard deviation.
            self.model = model._replace(noise=np.where(model.noise < _STILL, 1.0, model.noise))
        self._ready()

    def next_refit(self, reference: int, block: int) -> int:
        """The number of rows at which the fit is made again; whole blocks behind the reference."""
        return reference + (int(self.fitted * GROWTH - reference) // block + 1) * block

    def learn(self, scores: Array, times: Times | None) -> Array:
        """Takes the scores of a reference, float64[d, n], and fits to them; gives their residuals by that fit."""
        self.take(scores, times)
        self.refit()
        self._last[:] = 0.0
        return self.residuals(scores, times)

    def take(self, scores: Array, times: Times | None) -> Array:
        """Takes the next scores, float64[d, n]; gives their residuals."""
        self.seasons.take(scores, times)
        self._pending = np.concatenate((self._pending, scores + 0.0), axis=1)  # no -0.0, which integers do not keep
        self.rows += scores.shape[1]
        self._sum_up(self._pending.shape[1] // _CHUNK * _CHUNK)
        return self.residuals(scores, times)

    def residuals(self, scores: Array, times: Times | None) -> Array:
        """The residuals of the next scores by the present fit, which does not learn from them."""
        plain = self.seasons.without(scores, times)
        extended = np.concatenate((self._last, plain), axis=1)
        whitened = plain * _COEFFICIENT
        self._filter(whitened, extended)
        self._last = extended[:, extended.shape[1] - self.lags :].copy()
        whitened *= self._scale[:, np.newaxis]
        return np.rint(whitened, out=whitened)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        arrays = {
            "sums": self._sums,
            "lagged": self._lagged,
            "head": self._head,
            "tail": self._tail,
            "last": self._last,
            "mean": self.mean,
        }
        named = {name: array.copy() for name, array in arrays.items()}
        model = {name: value.copy() for name, value in zip(self.model._fields, self.model, strict=True)}
        pending = self._pending.astype(np.int16)
        return named | {"rows": self.rows, "fitted": self.fitted, "pending": pending, "model": model} | self.seasons.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.rows, self.fitted = state["rows"], state["fitted"]
        self._sums, self._lagged = state["sums"].copy(), state["lagged"].copy()
        self._head, self._tail, self._last = state["head"].copy(), state["tail"].copy(), state["last"].copy()
        self.mean, self._pending = state["mean"].copy(), state["pending"].astype(np.float64)
        self.model = Autoregression(**{name: value.copy() for name, value in state["model"].items()})
        self._ready()
        self.seasons.restore(state)

    def _ready(self) -> None:
        self._kernels = np.rint(self.model.phi * _COEFFICIENT)
        self._scale = SCALE / _COEFFICIENT / UNIT / self.model.noise

    def _filter(self, whitened: Array, extended: Array) -> None:
        """Takes away what the past says; whole numbers, so both ways give the same."""
        n, lags = whitened.shape[1], self.lags
        if n < _FEW:
            for lag in range(1, int(self.model.order.max(initial=0)) + 1):
                whitened -= self._kernels[:, lag - 1, np.newaxis] * extended[:, lags - lag : lags - lag + n]
            return
        for column in np.flatnonzero(self.model.order).tolist():
            order = int(self.model.order[column])
            past = extended[column, lags - order : lags + n - 1]
            whitened[column] -= np.convolve(past, self._kernels[column, :order], "valid")

    def _sum_up(self, n: int) -> None:
        """Adds the first of the pending values to the sums."""
        if not n:
            return
        taken, self._pending = self._pending[:, :n], self._pending[:, n:]
        summed = self.rows - self._pending.shape[1] - n
        if summed < self.lags:
            here = min(self.lags - summed, n)
            self._head[:, summed : summed + here] = taken[:, :here]
        extended = np.concatenate((self._tail, taken), axis=1)
        self._sums += taken.sum(axis=1)
        for column, (row, values) in enumerate(zip(extended, taken)):
            self._lagged[column] += np.correlate(row, values, "valid")[::-1]
        self._tail = extended[:, extended.shape[1] - self.lags :].copy()

    def _autocovariances(self) -> Array:
        """Of the scores without their season, at lags 0 to `lags`, [d, lags + 1], in standard deviations."""
        n, lags = self.rows, self.lags
        mean = self._sums / n
        last = np.cumsum(self._tail[:, ::-1], axis=1)
        first = np.cumsum(self._head, axis=1)
        nothing = np.zeros((len(mean), 1))
        ends = np.concatenate((nothing, first + last), axis=1)
        lag = np.arange(lags + 1)
        centred = self._lagged - mean[:, np.newaxis] * (2 * self._sums[:, np.newaxis] - ends)
        centred += (n - lag) * mean[:, np.newaxis] ** 2
        covariances: Array = centred / n / UNIT**2 - self.seasons.explained(lags, n)
        covariances[:, 0] = np.maximum(covariances[:, 0], 1e-6)
        return covariances
