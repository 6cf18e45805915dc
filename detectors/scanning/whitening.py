"""Takes seasons and autocorrelation out of scores, with a fit that grows with the stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Array, Times

from .autoregression import Autoregression, fit
from .scores import UNIT
from .seasons import FEW, Seasons
from .waves import Runs, runs

Mask = npt.NDArray[np.bool_]
LAGS = 24
GROWTH = 1.25
"""The fit is made again whenever there are so many times as many values."""
SCALE = 65_536.0
"""Whitened values are in whole units of 1/65,536 standard deviation."""
_COEFFICIENT = 2.0**14
_CHUNK = 256
_STILL = 2e-3
_STEP, _WORTH = 8.0, 100.0
"""Standard errors from which on a step among the first days is one, and how many independent rows they must be worth."""
_FEW = 64
"""Rows up to which all columns are filtered at once, lag by lag."""


class Whitening:
    """Of d columns of scores, float64[d, n], in `UNIT`s: their residuals, in units of `SCALE` to a standard deviation.

    A fit uses only what came before it, without what is held because it is changed: that counts as if it were as fitted, and
    the fit of a column that is held stays as it is.  Everything that is summed is a whole number, so cuts change nothing.
    """

    def __init__(self, columns: int, lags: int, seasons: Seasons) -> None:
        self.rows = 0
        self.lags, self.seasons = lags, seasons
        self._sums, self._left = np.zeros(columns), np.zeros(columns)
        """Of the scores, and of what their seasons leave of them."""
        self._lagged = np.zeros((columns, lags + 1))
        self._head = np.zeros((columns, lags))
        self._tail = np.zeros((columns, lags))
        """The last values, before the first one of `_pending`; these and all that is lagged without their season."""
        self._pending = np.zeros((columns, 0))
        """Values that are not in the lagged sums yet."""
        nothing_yet = np.zeros((columns, 0), np.int16), np.zeros(0, np.int64)
        self._all: tuple[npt.NDArray[np.int16], Times] | None = nothing_yet if seasons.wanted else None
        """All scores and their times, while they are few: a first fit to them is rough."""
        self._last = np.zeros((columns, lags))
        """The last values without their season, for the filter."""
        self._taken: tuple[Array, Array, Runs | None] = np.zeros((columns, 0)), np.zeros((columns, 0)), None
        """What is yet to be absorbed."""
        self.counted = np.zeros(columns)
        """Values that are not held, [d]."""
        nothing = np.zeros(columns)
        self.model = Autoregression(np.zeros((columns, lags)), nothing.astype(np.int64), nothing + 1, nothing, nothing)
        self.mean = nothing
        """Of the scores that the fit has seen, [d]."""
        self.learnt = nothing + 1
        """How many these are, [d]."""
        self.gain = nothing
        """Twice the log likelihood by which the past explains the present, [d]."""
        self.refit(None)

    def refit(self, held: Mask | None) -> None:
        """Fits everything to what has come so far, but for columns that are held, [d]."""
        self._sum_up(self._pending.shape[1])
        held = np.zeros(len(self._sums), np.bool_) if held is None else held
        self._fit_seasons(held)
        held = held | self.seasons.found
        self.fitted = max(self.rows, 1)
        self.learnt = np.where(held, self.learnt, np.maximum(self.counted, 1.0))
        self.mean = np.where(held, self.mean, self._sums / self.learnt)
        if self.rows > 2 * self.lags:
            covariances = self._autocovariances()
            model = fit(covariances, self.learnt, self.seasons.regressors)
            gain = self.learnt * np.log(covariances[:, 0] / np.maximum(model.noise, 1e-6) ** 2)
            self.gain = np.where(held, self.gain, gain)
            # What never varies has no scale of its own: then one unit of score is one standard deviation.
            model = model._replace(noise=np.where(model.noise < _STILL, 1.0, model.noise))
            kept = (np.where(held[:, np.newaxis] if new.ndim == 2 else held, old, new) for old, new in zip(self.model, model))
            self.model = Autoregression._make(kept)
        self._ready()
        self._forget(self.seasons.found)  # what was summed, without what was held, is of some hours only

    def forget(self, columns: Mask) -> None:
        """Begins to learn some columns, [d], anew; they keep their fit for now, but for seasons."""
        self._forget(columns)
        self.seasons.forget(columns)

    def next_refit(self, reference: int, block: int) -> int:
        """The number of rows at which the fit is made again; whole blocks behind the reference."""
        return reference + (int(self.fitted * GROWTH - reference) // block + 1) * block

    def learn(self, scores: Array, when: Runs | None) -> Array:
        """Takes the scores of a reference, float64[d, n], and fits to them; gives their residuals by that fit."""
        self.take(scores, when)
        self.absorb(None)
        self.refit(None)
        self._last[:] = 0.0
        return self.residuals(scores, when)

    def take(self, scores: Array, when: Runs | None) -> Array:
        """Takes the next scores, float64[d, n]; gives their residuals.  They are yet to be absorbed."""
        plain = self.seasons.without(scores, when)
        self._taken = scores, plain, when
        return self._whitened(plain)

    @property
    def levelled(self) -> Array:
        """The scores that were taken last, without their season, but about the mean that they have with it."""
        levelled: Array = self._taken[1] + self.seasons.level[:, np.newaxis]
        return levelled

    def absorb(self, held: Mask | None) -> None:
        """Learns, for the next fit, from what was taken last, but for what is held, [d, n]."""
        scores, plain, when = self._taken
        self.rows += scores.shape[1]
        self.counted += scores.shape[1]
        self.seasons.take(scores, plain, held, when)
        if held is not None and held.any():
            self.counted -= held.sum(axis=1)
            scores, plain = np.where(held, scores - plain, scores), np.where(held, 0.0, plain)
        self._sums += scores.sum(axis=1)
        self._left += plain.sum(axis=1)
        if self._all is not None and when is not None:
            before, then = self._all
            self._all = np.concatenate((before, scores.astype(np.int16)), axis=1), np.concatenate((then, when.times))
        self._pending = np.concatenate((self._pending, plain + 0.0), axis=1)  # no -0.0, which integers do not keep
        self._sum_up(self._pending.shape[1] // _CHUNK * _CHUNK)
        self._taken = np.zeros((len(scores), 0)), np.zeros((len(scores), 0)), None

    def residuals(self, scores: Array, when: Runs | None) -> Array:
        """The residuals of the next scores by the present fit, which does not learn from them."""
        return self._whitened(self.seasons.without(scores, when))

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        arrays = {
            "sums": self._sums,
            "left": self._left,
            "lagged": self._lagged,
            "head": self._head,
            "tail": self._tail,
            "last": self._last,
            "mean": self.mean,
            "counted": self.counted,
            "learnt": self.learnt,
            "gain": self.gain,
        }
        named = {name: array.copy() for name, array in arrays.items()}
        model = {name: value.copy() for name, value in zip(self.model._fields, self.model, strict=True)}
        rest = {"rows": self.rows, "fitted": self.fitted, "pending": self._pending.astype(np.int16), "model": model}
        few = None if self._all is None else [part.copy() for part in self._all]
        return named | rest | {"all": few} | self.seasons.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.rows, self.fitted = state["rows"], state["fitted"]
        self._sums, self._left = state["sums"].copy(), state["left"].copy()
        self._lagged, few = state["lagged"].copy(), state["all"]
        self._all = None if few is None else (few[0].copy(), few[1].copy())
        self._head, self._tail, self._last = state["head"].copy(), state["tail"].copy(), state["last"].copy()
        self.mean, self._pending = state["mean"].copy(), state["pending"].astype(np.float64)
        self.counted, self.learnt, self.gain = state["counted"].copy(), state["learnt"].copy(), state["gain"].copy()
        self.model = Autoregression(**{name: value.copy() for name, value in state["model"].items()})
        self._ready()
        self.seasons.restore(state)

    def _ready(self) -> None:
        self._kernels = np.rint(self.model.phi * _COEFFICIENT)
        self._scale = SCALE / _COEFFICIENT / UNIT / self.model.noise

    def _forget(self, columns: Mask) -> None:
        for sums in (self._sums, self._left, self._lagged, self._head, self._tail, self.counted):
            sums[columns] = 0.0

    def _fit_seasons(self, held: Mask) -> None:
        """Fits seasons; beside a step among the first days where that cannot be persistence."""
        suspects = self.seasons.suspect(held)
        before = (self.seasons.state(), self._left, self._lagged.copy()) if suspects.any() else None
        self.seasons.refit(held)
        self._change_seasons()
        if before is None:
            return
        guilty = suspects & self._is_step(suspects)
        if (suspects & ~guilty).any():
            self.seasons.restore(before[0])
            self._left, self._lagged = before[1:]
            self.seasons.acquit(suspects & ~guilty)
            self.seasons.refit(held)
            self._change_seasons()
        self.seasons.found &= ~guilty
        self._take_out(guilty)

    def _is_step(self, columns: Mask) -> Mask:
        """In which of some columns, [d], a step is more than what persistence does to such a season."""
        kept = self._left.copy(), self._lagged.copy()
        step, behind = self._take_out(columns)
        model = fit(self._autocovariances(), np.maximum(self.counted, 1.0), self.seasons.regressors)
        self._left, self._lagged = kept
        share = behind / max(self.rows, 1)
        worth = self.rows * (1 - model.total) / (1 + model.total)
        error = model.noise / (1 - model.total) / np.sqrt(np.maximum(self.rows * share * (1 - share), 1.0))
        found: Mask = (self.seasons.regressors > 0) & (worth > _WORTH) & (np.abs(step) > _STEP * error * UNIT)
        return found

    def _take_out(self, columns: Mask) -> tuple[Array, Array]:
        """Takes a step that is held out of the sums of columns; gives how high it is, and how many rows are behind it; [d]."""
        behind, sums, season = self.seasons.held(columns)
        step = np.rint(sums / np.maximum(behind, 1.0))
        self._left = np.rint(self._left - step * behind)
        self._lagged = np.rint(self._lagged - (2 * step * (sums + season) - step**2 * behind)[:, np.newaxis])
        return step, behind

    def _change_seasons(self) -> None:
        """Makes the sums of what seasons leave those of the last fit: exactly of few rows, and nearly of many."""
        if self._all is not None:
            scores, times = self._all
            plain = self.seasons.without(scores.astype(np.float64), runs(times))
            self._left, self._pending = plain.sum(axis=1), plain + 0.0
            self._lagged[:], self._head[:], self._tail[:] = 0.0, 0.0, 0.0
            self._sum_up(plain.shape[1])
        elif self.seasons.wanted:
            total, lagged = self.seasons.changed(self.lags)
            taking = self.counted / max(self.rows, 1)
            before, self._left = self._left, np.rint(self._left - total * taking)
            centre = (before**2 - self._left**2) / np.maximum(self.counted, 1.0)
            self._lagged = np.rint(self._lagged - lagged * taking[:, np.newaxis] - centre[:, np.newaxis])
        if self.rows > FEW or (self.rows and not self.seasons.slow):
            self._all = None

    def _whitened(self, plain: Array) -> Array:
        """The residuals of the next scores, without their season, in units of `SCALE`."""
        extended = np.concatenate((self._last, plain), axis=1)
        whitened = plain * _COEFFICIENT
        self._filter(whitened, extended)
        self._last = extended[:, extended.shape[1] - self.lags :].copy()
        whitened *= self._scale[:, np.newaxis]
        return np.rint(whitened, out=whitened)

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
        taken, self._pending = self._pending[:, :n], self._pending[:, n:].copy()
        summed = self.rows - self._pending.shape[1] - n
        if summed < self.lags:
            here = min(self.lags - summed, n)
            self._head[:, summed : summed + here] = taken[:, :here]
        extended = np.concatenate((self._tail, taken), axis=1)
        for column, (row, values) in enumerate(zip(extended, taken)):
            self._lagged[column] += np.correlate(row, values, "valid")[::-1]
        self._tail = extended[:, extended.shape[1] - self.lags :].copy()

    def _autocovariances(self) -> Array:
        """Of the scores without their season, at lags 0 to `lags`, [d, lags + 1], in standard deviations."""
        lags, counted = self.lags, np.maximum(self.counted, 1.0)
        mean, n = self._left / counted, counted[:, np.newaxis]
        last = np.cumsum(self._tail[:, ::-1], axis=1)
        first = np.cumsum(self._head, axis=1)
        nothing = np.zeros((len(mean), 1))
        ends = np.concatenate((nothing, first + last), axis=1)
        lag = np.arange(lags + 1)
        centred = self._lagged - mean[:, np.newaxis] * (2 * self._left[:, np.newaxis] - ends)
        centred += (n - lag) * mean[:, np.newaxis] ** 2
        covariances: Array = centred / n / UNIT**2
        covariances[:, 0] = np.maximum(covariances[:, 0], 1e-6)
        return covariances
