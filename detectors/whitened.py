"""Whitened normal scores of signals: what the run lengths of detectors of the mean hold for."""

from __future__ import annotations

import numpy as np

from . import Array, State, Times
from .scanning.scores import UNIT, Scores
from .scanning.seasons import Seasons
from .scanning.waves import runs
from .scanning.whitening import LAGS, SCALE, Whitening


class Whitened:
    """d signals as independent standard normal values, by a reference float64[m, d].

    The fit stays that of the reference: who is given these values compares them with the reference, or adapts by itself.
    What is missing stays missing, and so does a signal of which there are fewer than 30 values in the reference.
    """

    def __init__(self, reference: Array, times: Times | None) -> None:
        signals = reference.shape[1]
        self._rows = 0
        scores = Scores(reference, rates=False)
        self._known = np.array([kind != "unknown" for kind in scores.kinds], np.bool_)
        scores.choose(np.arange(signals), reference)
        self._scores = scores
        self._whitening = Whitening(signals, LAGS, Seasons(signals, times is not None))
        learnt = self._whitening.learn(scores.of(reference, np.arange(-len(reference), 0)), runs(times))
        self.reference = self._present(reference, learnt)
        """The reference itself, whitened."""

    def of(self, values: Array, times: Times | None) -> Array:
        """The next rows, float64[n, d], whitened."""
        rows = np.arange(self._rows, self._rows + len(values))
        self._rows += len(values)
        return self._present(values, self._whitening.residuals(self._scores.of(values, rows), runs(times)))

    def state(self) -> State:
        """Everything but the reference, as plain values and arrays."""
        return {"rows": self._rows, "whitening": self._whitening.state()}

    def restore(self, state: State) -> None:
        """Goes on from a `state()` of the same reference."""
        self._rows = state["rows"]
        self._whitening.restore(state["whitening"])

    def _present(self, values: Array, whitened: Array) -> Array:
        return np.where(np.isfinite(values) & self._known, whitened.T / SCALE, np.nan)


def without_seasons(values: Array, times: Times) -> Array:
    """Normal scores, float64[m, d], of signals that have a daily or weekly season in these very rows, without it.

    Other signals stay as they are, and what is missing stays missing.
    """
    signals = values.shape[1]
    scores = Scores(values, rates=False)
    scores.choose(np.arange(signals), values)
    known = scores.of(values, np.arange(-len(values), 0))
    seasons, when = Seasons(signals, True), runs(times)
    seasons.take(known, known, None, when)
    seasons.refit(np.zeros(signals, np.bool_))
    plain = np.where(seasons.regressors > 0, seasons.without(known, when).T / UNIT, values)
    return np.where(np.isfinite(values), plain, np.nan)
