"""EWMA: declares a change when the moving average of recent deviations from the baseline is too far from nothing."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import ClassVar

import numpy as np

from . import Array, Change, Direction, Sees, State, Times, run_lengths
from .baseline import Baseline, Ints


class EWMA:
    """The control chart of Roberts (1959) for the mean, in standard deviations of the baseline (see baseline.py).

    Each value has `weight` in the average, the ones before it share the rest: about 2 / `weight` values matter.  `limit` is how
    many of its own standard deviations, exact for the number of values, the average may be from nothing; nothing is declared
    of the first `minimum` values.  With the defaults a false alarm is to be expected once in some three million independent
    normal values, and a step of one standard deviation is declared after some 30.

    `allow` holds for independent, normal values.

    A signal begins anew from its reference after each of its changes, so a change is declared again while it lasts.  `start`
    is the value at which the average came to its side (Nishina 1992), `n_reference` and `n_current` are the numbers of
    values before, those of the reference included, and since.
    """

    sees: ClassVar[Sees] = "numbers"
    knob: ClassVar[str | None] = "limit"
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(self, signals: int, *, weight: float = 0.05, limit: float = 5.0, minimum: int = 30) -> None:
        if not 0.01 <= weight <= 0.5:
            raise ValueError(f"weight must lie in [0.01, 0.5], got {weight}")
        if not 0 < limit < np.inf:
            raise ValueError(f"limit must be positive, got {limit}")
        if minimum < 1:
            raise ValueError(f"minimum must be at least 1, got {minimum}")
        self._weight, self._minimum = weight, minimum
        kept = (1 - weight) ** (2 * np.arange(1, int(20 / weight)))
        self._deviations = np.sqrt(weight / (2 - weight) * (1 - kept))
        self._limits = np.full(signals, limit)
        self._allowed = False
        self._baseline = Baseline(signals)
        self._begin(signals)

    def allow(self, run_length: Array) -> None:
        """Sets how far the average of each signal may be; `minimum` is not accounted for."""
        self._limits = run_lengths.limit(run_length, self._run_length, lowest=1.5)
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
        """Everything but settings, run lengths and the reference: nine numbers a signal."""
        return {
            "rows": self._baseline.rows,
            "baseline": self._baseline.state(),
            "n": self._n.copy(),
            "average": self._average.copy(),
            "crossed": self._crossed.copy(),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._baseline.restore(state["baseline"], state["rows"])
        self._n, self._average, self._crossed = state["n"].copy(), state["average"].copy(), state["crossed"].copy()
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()

    def _begin(self, signals: int) -> None:
        self._n = np.zeros(signals, np.int64)
        self._average = np.zeros(signals)
        self._crossed = np.zeros((2, signals), np.int64)
        """The row at which the average came to its side, and the number of values before."""
        self.statistic = np.full(signals, np.nan)
        """How far the average is from nothing, in its standard deviations."""
        self.threshold = np.full(signals, np.nan)

    def _take(self, signals: Ints, rows: Ints, scores: Array, changes: list[Change]) -> None:
        """Takes scores of some signals, float64[n, c], up to the first change of each; what is left of it goes the same way."""
        standard, sums = self._baseline.standardise(scores, signals)
        averages = self._averages(signals, standard)
        n = self._n[signals] + np.arange(1, len(rows) + 1)[:, np.newaxis]
        distance = np.abs(averages) / self._deviations[np.minimum(n, len(self._deviations)) - 1]
        alarms = (distance > self._limits[signals]) & (n >= self._minimum)
        changed = alarms.any(axis=0)
        last, each = np.where(changed, alarms.argmax(axis=0), len(rows) - 1), np.arange(len(signals))
        self._place(signals, rows, averages, last)
        self._average[signals], self._n[signals] = averages[last, each], n[last, each]
        self._baseline.sums[:, signals] = sums[:, last, each]
        self._judge(signals, distance[last, each])
        for c in np.flatnonzero(changed).tolist():
            at = int(last[c])
            changes.append(self._change(int(signals[c]), int(rows[at])))
            if at + 1 < len(rows):
                self._take(signals[c : c + 1], rows[at + 1 :], scores[at + 1 :, c : c + 1], changes)

    def _averages(self, signals: Ints, standard: Array) -> Array:
        """The averages after each value, float64[n, c].  Plain numbers are faster here than arrays."""
        kept, weighted = 1 - self._weight, (self._weight * standard).T.tolist()
        first = self._average[signals].tolist()
        paths = [list(accumulate(new, lambda old, new: kept * old + new, initial=at)) for at, new in zip(first, weighted)]
        return np.array(paths)[:, 1:].T

    def _place(self, signals: Ints, rows: Ints, averages: Array, last: Ints) -> None:
        """Remembers where each average came to its side, where that is new."""
        above = np.concatenate((self._average[np.newaxis, signals], averages)) > 0
        places = np.where(above[1:] != above[:-1], np.arange(len(rows))[:, np.newaxis], -1)
        where = np.maximum.accumulate(places)[last, np.arange(len(signals))]
        self._crossed[0, signals] = np.where(where >= 0, rows[where], self._crossed[0, signals])
        self._crossed[1, signals] = np.where(where >= 0, self._n[signals] + where, self._crossed[1, signals])

    def _judge(self, signals: Ints, distance: Array) -> None:
        judged = self._n[signals] >= self._minimum
        self.statistic[signals[judged]] = distance[judged]
        self.threshold[signals[judged]] = self._limits[signals[judged]]

    def _change(self, signal: int, row: int) -> Change:
        """Declares a change of a signal, and lets it begin anew."""
        statistic, limit, n = float(self.statistic[signal]), float(self._limits[signal]), int(self._n[signal])
        start, before = self._crossed[:, signal].tolist()
        reference = int(self._baseline.sums[0, signal]) - n
        rarity = float(self._run_length(np.array(statistic))) if self._allowed else math.nan
        direction: Direction = "up" if self._average[signal] > 0 else "down"
        change = Change(row, signal, statistic, limit, direction, start, reference + before, n - before, rarity=rarity)
        self._baseline.forget(signal)
        self._n[signal], self._average[signal] = 0, 0.0
        self._crossed[:, signal] = row + 1, 0
        return change

    def _run_length(self, limits: Array) -> Array:
        return run_lengths.ewma(limits, self._weight)
